import { byId, element, setText } from "./element.js";
import { counted, duration, milliseconds, number, rate, written } from "./format.js";

/** @typedef {import("../message.ts").Beat} Beat */
/** @typedef {import("../message.ts").Figures} Figures */
/** @typedef {import("./format.js").Quantity} Quantity */
/** @typedef {{ name: string, quantity: Quantity, note: string, level?: "bad" | "warn" }} Tile */

/** The objective: 99 of 100 events are gone within this, in ms. */
const objectiveMs = 50;
const unknown = { value: "–", unit: "" };

/** @type {Map<string, { value: HTMLElement, unit: HTMLElement, note: HTMLElement, tile: HTMLElement }>} */
const shown = new Map();

/** @param {Beat} beat */
export function showTiles(beat) {
  for (const { name, quantity, note, level } of tilesOf(beat)) {
    const { value, unit, note: noteElement, tile } = shown.get(name) ?? addTile(name);
    setText(value, quantity.value);
    setText(unit, quantity.unit);
    setText(noteElement, note);
    tile.dataset["level"] = level ?? "";
  }
}

/** @param {Beat} beat @returns {Tile[]} */
function tilesOf({ now, status, outbox }) {
  const pools = Object.entries(now.pools);
  const worst = (/** @type {(figures: Figures) => number} */ of) =>
    pools.reduce((most, [, figures]) => Math.max(most, of(figures)), 0);
  const sum = (/** @type {(figures: Figures) => number} */ of) =>
    pools.reduce((total, [, figures]) => total + of(figures), 0);
  const each = (/** @type {(figures: Figures) => string} */ of) =>
    pools.map(([pool, figures]) => `${pool}\u00a0${of(figures)}`).join(", ");
  const lagSeconds = worst((figures) => figures.lagSeconds);
  const parked = status.pools.flatMap(({ deadLetters }) => deadLetters);
  const letters = parked.reduce((total, { count }) => total + count, 0);
  return [
    {
      name: "Time lag",
      quantity: duration(lagSeconds),
      note: each((figures) => written(duration(figures.lagSeconds))),
      ...(lagSeconds > 2 ? { level: "bad" } : {}),
    },
    {
      name: "Messages waiting",
      quantity: { value: number(sum((figures) => figures.lagMessages)), unit: "" },
      note: each((figures) => number(figures.lagMessages)),
    },
    percentile("Commit → gone, p50", pools, (figures) => figures.goneP50Ms),
    percentile("Commit → gone, p99", pools, (figures) => figures.goneP99Ms),
    {
      name: "Events handled",
      quantity: rate(sum((figures) => figures.eventsPerSecond)),
      note: each((figures) => written(rate(figures.eventsPerSecond))),
    },
    {
      name: "Keys invalidated",
      quantity: rate(sum((figures) => figures.keysPerSecond)),
      note: each((figures) => written(rate(figures.keysPerSecond))),
    },
    {
      name: "Dead letters",
      quantity: { value: number(letters), unit: "" },
      note: letters === 0 ? "none since this process began" : "parked since this process began",
      ...(letters > 0 ? { level: "warn" } : {}),
    },
    outbox.known
      ? {
          name: "Outbox, oldest row",
          quantity: duration(outbox.oldestAgeSeconds),
          note:
            outbox.rows === 0 ? "nothing waits to be published" : `${counted(outbox.rows, "row")} to publish`,
          ...(outbox.oldestAgeSeconds > 5 ? { level: "bad" } : {}),
        }
      : { name: "Outbox, oldest row", quantity: unknown, note: `Not known: ${outbox.why}.` },
  ];
}

/**
 * @param {string} name
 * @param {[string, Figures][]} pools
 * @param {(figures: Figures) => number | null} of
 * @returns {Tile}
 */
function percentile(name, pools, of) {
  const known = pools.flatMap(([pool, figures]) => {
    const ms = of(figures);
    return ms === null ? [] : [{ pool, ms }];
  });
  if (known.length === 0) return { name, quantity: unknown, note: "no event in the last minute" };
  const worst = Math.max(...known.map(({ ms }) => ms));
  return {
    name,
    quantity: milliseconds(worst),
    note: known.map(({ pool, ms }) => `${pool}\u00a0${written(milliseconds(ms))}`).join(", "),
    ...(name.includes("99") && worst > objectiveMs ? { level: "warn" } : {}),
  };
}

/** @param {string} name */
function addTile(name) {
  const value = element("span");
  const unit = element("small");
  const note = element("dd", { class: "note" });
  const tile = element(
    "div",
    {},
    element("dt", {}, name),
    element("dd", { class: "value" }, value, unit),
    note,
  );
  byId("tiles").append(tile);
  const parts = { value, unit, note, tile };
  shown.set(name, parts);
  return parts;
}
