import uPlot from "./uplot.js";
import { byId, element, setText } from "./element.js";
import { duration, milliseconds, rate, timeOfDay, written } from "./format.js";

/** @typedef {import("../message.ts").Slot} Slot */
/** @typedef {import("../message.ts").Figures} Figures */
/**
 * @typedef {object} Chart
 * @property {string} id of its place
 * @property {string} title
 * @property {(figures: Figures) => number | null} value
 * @property {(value: number) => string} written
 * @property {number} least the axis reaches at least up to this
 */

/** @type {readonly Chart[]} */
const charts = [
  {
    id: "chart-lag",
    title: "Time lag",
    value: (figures) => figures.lagSeconds,
    written: (value) => written(duration(value)),
    least: 1,
  },
  {
    id: "chart-gone",
    title: "Commit to gone, 99th percentile",
    value: (figures) => figures.goneP99Ms,
    written: (value) => written(milliseconds(value)),
    least: 50,
  },
  {
    id: "chart-events",
    title: "Events per second",
    value: (figures) => figures.eventsPerSecond,
    written: (value) => written(rate(value)),
    least: 1,
  },
];

const hourSeconds = 3_600;
const leastSeconds = 300;
/** So many --series-n stand in page.css. */
const colours = 4;
const height = 190;

/** The hour of slots as three charts, a line for each pool. */
export class Charts {
  /** @type {Map<number, Slot>} */
  #slots = new Map();
  /** @type {{ plot: uPlot, chart: Chart, legend: Legend }[]} */
  #plots = [];
  #pools = "";

  constructor() {
    window.addEventListener("resize", () => {
      for (const { plot } of this.#plots) plot.setSize({ width: widthOf(plot.root.parentElement), height });
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#pools = ""; // canvases keep the colours that they were made with
      this.#show();
    });
  }

  /**
   * Takes more slots. Those of before a restart stay: the process has forgotten them, the page has not.
   * @param {readonly Slot[]} slots
   */
  add(slots) {
    for (const slot of slots) this.#slots.set(slot.atMs, slot);
    const last = Math.max(...this.#slots.keys());
    for (const atMs of this.#slots.keys()) if (atMs < last - hourSeconds * 1_000) this.#slots.delete(atMs);
    this.#show();
  }

  #show() {
    const slots = [...this.#slots.values()].sort((one, other) => one.atMs - other.atMs);
    const pools = [...new Set(slots.flatMap((slot) => Object.keys(slot.pools)))].sort();
    if (pools.join() !== this.#pools) this.#build(pools);
    for (const { plot, chart, legend } of this.#plots) {
      const times = slots.map(({ atMs }) => atMs / 1_000);
      const lines = pools.map((pool) => slots.map((slot) => valueIn(slot, pool, chart)));
      plot.setData([times, ...lines]);
      legend.show(plot);
      byId(chart.id).setAttribute("aria-label", summary(chart, pools, lines));
    }
  }

  /** @param {readonly string[]} pools */
  #build(pools) {
    for (const { plot, legend } of this.#plots) {
      plot.destroy();
      legend.root.remove();
    }
    this.#pools = pools.join();
    this.#plots = charts.map((chart) => {
      const place = byId(chart.id);
      place.setAttribute("role", "img");
      const legend = new Legend(pools, chart.written);
      const options = optionsOf(chart, pools, widthOf(place));
      const show = (/** @type {uPlot} */ moved) => {
        legend.show(moved);
      };
      const plot = new uPlot({ ...options, hooks: { setCursor: [show] } }, [[]], place);
      place.after(legend.root);
      return { chart, plot, legend };
    });
  }
}

/** The lines' names and values: where the pointer is, or the last ones. Screen readers get the summary instead. */
class Legend {
  root = element("div", { class: "legend", "aria-hidden": "true" });
  #time = element("span", { class: "muted" });
  /** @type {readonly HTMLElement[]} */
  #values;
  #written;

  /**
   * @param {readonly string[]} pools
   * @param {(value: number) => string} written
   */
  constructor(pools, written) {
    this.#written = written;
    this.#values = pools.map(() => element("b"));
    const items = this.#values.map((value, index) =>
      element("span", { class: `series-${(index % colours) + 1}` }, `${pools[index] ?? ""} `, value),
    );
    this.root.append(...items, this.#time);
  }

  /** @param {uPlot} plot */
  show(plot) {
    const [times = [], ...lines] = plot.data;
    const at = plot.cursor.idx ?? times.length - 1;
    const time = times[at];
    setText(this.#time, time == null ? "" : timeOfDay(time * 1_000));
    for (const [index, element] of this.#values.entries()) {
      const value = lines[index]?.[at];
      setText(element, value == null ? "–" : this.#written(value));
    }
  }
}

/**
 * @param {Slot} slot
 * @param {string} pool
 * @param {Chart} chart
 */
function valueIn(slot, pool, chart) {
  const figures = slot.pools[pool];
  return figures === undefined ? null : chart.value(figures);
}

/**
 * @param {Chart} chart
 * @param {readonly string[]} pools
 * @param {number} width
 * @returns {uPlot.Options}
 */
function optionsOf({ written: label, least }, pools, width) {
  const colour = (/** @type {string} */ name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name);
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    stroke: colour("--muted"),
    font,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1, size: 4 },
  };
  return {
    width,
    height,
    scales: {
      x: { time: true, range: shownTimes },
      y: { range: (_, __, most) => [0, Math.max(least, most * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 30,
        space: 70,
        values: (_, times) => times.map((time) => timeOfDay(time * 1_000).slice(0, 5)),
      },
      { ...axis, size: 62, space: 36, values: (_, values) => values.map(label) },
    ],
    series: [
      {},
      ...pools.map((pool, index) => ({
        label: pool,
        stroke: colour(`--series-${(index % colours) + 1}`),
        width: 2,
        points: { size: 5 },
      })),
    ],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
  };
}

/** An hour, or less while there is less to show. @type {uPlot.Range.Function} */
function shownTimes(_, first, last) {
  const end = Number.isFinite(last) ? last : Date.now() / 1_000;
  const known = Number.isFinite(first) ? end - first : 0;
  return [end - Math.min(hourSeconds, Math.max(leastSeconds, known)), end];
}

/**
 * What the chart shows, in words.
 * @param {Chart} chart
 * @param {readonly string[]} pools
 * @param {readonly (readonly (number | null)[])[]} lines
 */
function summary({ title, written: label }, pools, lines) {
  const said = pools.map((pool, index) => {
    const known = (lines[index] ?? []).filter((value) => value !== null);
    const last = known.at(-1);
    return last === undefined
      ? `${pool} none`
      : `${pool} last ${label(last)}, highest ${label(Math.max(...known))}`;
  });
  return `${title} over the last hour: ${said.join("; ")}`;
}

/** @param {HTMLElement | null} place */
function widthOf(place) {
  return place?.clientWidth ?? 320;
}
