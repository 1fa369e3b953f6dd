import { byId, element, setText } from "./element.js";
import { counted, duration, milliseconds, number, timeOfDay, written } from "./format.js";

/** @typedef {import("../message.ts").Beat} Beat */
/** @typedef {import("../message.ts").Invalidation} Invalidation */
/** @typedef {Beat["status"]["pools"][number]} Pool */

const rowsShown = 50;
const nodeStates = {
  up: { level: "good", text: "up" },
  away: { level: "bad", text: "away" },
  "catching-up": { level: "warn", text: "catching up" },
};

/** @param {readonly Pool[]} pools */
export function showNodes(pools) {
  const rows = pools.flatMap(({ pool, nodes }) =>
    nodes.map(({ node, state, missed, catchUp }) => {
      const { level, text } =
        Object.entries(nodeStates).find(([name]) => name === state)?.[1] ?? nodeStates.away;
      const owed = Object.keys(missed).length;
      return row(
        cell(pool),
        cell(node, "node"),
        cell(element("span", { class: "badge", "data-level": level }, text)),
        cell(
          catchUp !== null
            ? `${counted(catchUp.left, "event")} to go`
            : owed === 0
              ? "none"
              : `in ${counted(owed, "partition")}`,
        ),
      );
    }),
  );
  byId("nodes").replaceChildren(...rows);
}

/** @param {readonly Pool[]} pools */
export function showParked(pools) {
  const letters = pools.flatMap(({ pool, deadLetters }) =>
    deadLetters.map(({ topic, reason, count }) =>
      element("li", {}, `${number(count)} × ${reason} in ${topic}, pool ${pool}`),
    ),
  );
  byId("parked").replaceChildren(
    ...(letters.length > 0
      ? letters
      : [element("li", { class: "muted" }, "None: every event could be processed.")]),
  );
}

/** @param {readonly Pool[]} pools */
export function showPartitions(pools) {
  const all = pools.flatMap(({ pool, partitions }) =>
    partitions.map((partition) => ({ pool, ...partition })),
  );
  setText(byId("partitions-summary"), all.length === 0 ? "None yet" : counted(all.length, "partition"));
  byId("partitions").replaceChildren(
    ...all.map(({ pool, topic, partition, done, high, lagMessages, lagSeconds }) =>
      row(
        cell(pool),
        cell(`${topic}/${partition}`, "node"),
        cell(number(Number(done)), "number"),
        cell(number(Number(high)), "number"),
        cell(number(lagMessages), "number"),
        cell(written(duration(lagSeconds)), "number"),
      ),
    ),
  );
}

/** The stream of recent invalidations, newest first; while it is paused the rows wait. */
export class RecentTable {
  #body = byId("recent");
  #empty = byId("recent-empty");
  #pause = byId("pause");
  /** @type {Invalidation[]} */
  #rows = [];
  #paused = false;

  constructor() {
    this.#pause.addEventListener("click", () => {
      this.#paused = !this.#paused;
      this.#pause.setAttribute("aria-pressed", String(this.#paused));
      if (!this.#paused) this.#show(0);
    });
  }

  /** @param {readonly Invalidation[]} rows all that is known, as after a reconnection */
  reset(rows) {
    this.#rows = [...rows].reverse();
    if (!this.#paused) this.#show(0);
  }

  /** @param {readonly Invalidation[]} rows the oldest first */
  add(rows) {
    if (rows.length === 0) return;
    this.#rows = [...[...rows].reverse(), ...this.#rows].slice(0, rowsShown);
    if (!this.#paused) this.#show(rows.length);
  }

  /** @param {number} fresh how many of them are new */
  #show(fresh) {
    this.#empty.hidden = this.#rows.length > 0;
    this.#body.replaceChildren(
      ...this.#rows.map(({ atMs, key, action, node, event, subject, version, goneMs }, index) => {
        const shown = row(
          cell(timeOfDay(atMs), "time"),
          cell(key, "key"),
          cell(
            element("span", { class: "badge", "data-level": action === "owed" ? "bad" : "plain" }, action),
          ),
          cell(node, "node"),
          cell(`${event} ${subject}, version ${number(version)}`),
          cell(goneMs === null ? "–" : written(milliseconds(goneMs)), "number"),
        );
        if (index < fresh) shown.classList.add("new");
        return shown;
      }),
    );
  }
}

/** @param {...HTMLTableCellElement} cells */
function row(...cells) {
  return element("tr", {}, ...cells);
}

/**
 * @param {string | Node} content
 * @param {string} [kind]
 */
function cell(content, kind) {
  return element("td", kind === undefined ? {} : { class: kind }, content);
}
