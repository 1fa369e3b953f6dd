/** @typedef {import("../message.ts").Picture} Picture */
/** @typedef {Picture["views"][number]} View */
/** @typedef {{ id: string, kind: "event" | "view", name: string, sub: string, column: number, x: number, y: number }} Box */
/** @typedef {{ from: string, to: string, kind: "own" | "derived" | "tag", path: string }} Arrow */

export const boxWidth = 216;
export const boxHeight = 52;
const columnGap = 64;
const rowGap = 18;
const margin = 8;
/** Between two lines down the side of a narrow picture. */
const laneGap = 10;

/**
 * Places the graph in columns: events, then views, each view right of what it is derived from; in a narrow picture
 * all in one column, with the lines down its side. Pure.
 * @param {Picture} picture
 * @param {{ narrow?: boolean }} [options]
 * @returns {{ boxes: Box[], arrows: Arrow[], width: number, height: number }}
 */
export function layOut({ events, views }, { narrow = false } = {}) {
  const columns = new Map(views.map((view) => [view, columnOf(view, views)]));
  /** @type {Omit<Box, "x" | "y">[]} */
  const placed = [
    ...events.map(({ type, topic }) => ({
      id: `event ${type}`,
      kind: /** @type {const} */ ("event"),
      name: type,
      sub: topic,
      column: 0,
    })),
    ...views.map((view) => ({
      id: idOf(view),
      kind: /** @type {const} */ ("view"),
      name: view.name,
      sub: `${view.onChange} · pool ${view.pool}`,
      column: columns.get(view) ?? 1,
    })),
  ];
  if (narrow) return oneColumn(placed, views);
  const columnCount = Math.max(1, ...placed.map(({ column }) => column + 1));
  const perColumn = Array.from({ length: columnCount }, (_, column) =>
    placed.filter((box) => box.column === column),
  );
  const rows = Math.max(1, ...perColumn.map(({ length }) => length));
  const height = rows * (boxHeight + rowGap) - rowGap + 2 * margin;
  const boxes = perColumn.flatMap((column, index) => {
    const top = (height - (column.length * (boxHeight + rowGap) - rowGap)) / 2;
    return column.map((box, row) => ({
      ...box,
      x: margin + index * (boxWidth + columnGap),
      y: top + row * (boxHeight + rowGap),
    }));
  });
  const width = columnCount * (boxWidth + columnGap) - columnGap + 2 * margin;
  return { boxes, arrows: arrowsOf(views, boxes, curve), width, height };
}

/**
 * @param {readonly Omit<Box, "x" | "y">[]} placed
 * @param {readonly View[]} views
 * @returns {ReturnType<typeof layOut>}
 */
function oneColumn(placed, views) {
  const ordered = [...placed].sort((one, other) => one.column - other.column);
  const sources = [
    ...new Set(
      arrowsOf(
        views,
        ordered.map((box) => ({ ...box, x: 0, y: 0 })),
        () => "",
      ).map(({ from }) => from),
    ),
  ];
  const x = margin + sources.length * laneGap + 16;
  const boxes = ordered.map((box, row) => ({ ...box, x, y: margin + row * (boxHeight + rowGap) }));
  /** @type {typeof curve} */
  const aside = (from, to) => {
    const lane = margin + sources.indexOf(from.id) * laneGap;
    // A view is led to at its middle, and leads on from below it.
    const y = from.y + boxHeight * (from.kind === "event" ? 0.5 : 0.8);
    return `M${x} ${y}H${lane}V${to.y + boxHeight / 2}H${x - 7}`;
  };
  return {
    boxes,
    arrows: arrowsOf(views, boxes, aside),
    width: x + boxWidth + margin,
    height: ordered.length * (boxHeight + rowGap) - rowGap + 2 * margin,
  };
}

/** @param {View} view */
export function idOf({ service, name }) {
  return `view ${service} ${name}`;
}

/**
 * The views that one is built from; one of its own service first, as the compiler finds them.
 * @param {View} view
 * @param {readonly View[]} views
 * @returns {View[]}
 */
export function basesOf(view, views) {
  return view.derivedFrom.flatMap((name) => {
    const named = views.filter((candidate) => candidate.name === name);
    return named.find(({ service }) => service === view.service) ?? named[0] ?? [];
  });
}

/**
 * @param {View} view
 * @param {readonly View[]} views
 * @returns {number}
 */
function columnOf(view, views) {
  return 1 + Math.max(0, ...basesOf(view, views).map((base) => columnOf(base, views)));
}

/**
 * @param {readonly View[]} views
 * @param {readonly Box[]} placed
 * @param {(from: Box, to: Box) => string} path
 * @returns {Arrow[]}
 */
function arrowsOf(views, placed, path) {
  const boxes = new Map(placed.map((box) => [box.id, box]));
  return views.flatMap((view) => {
    const direct = view.reachedBy.filter(({ via }) => via !== "derived");
    const sources = new Map(direct.map(({ event, via }) => [`event ${event}`, via]));
    for (const base of basesOf(view, views)) sources.set(idOf(base), "derived");
    return [...sources].flatMap(([from, kind]) => {
      const [start, end] = [boxes.get(from), boxes.get(idOf(view))];
      return start && end ? [{ from, to: end.id, kind, path: path(start, end) }] : [];
    });
  });
}

/**
 * @param {Box} from
 * @param {Box} to
 */
function curve(from, to) {
  const [x1, y1, x2, y2] = [from.x + boxWidth, from.y + boxHeight / 2, to.x - 7, to.y + boxHeight / 2];
  const bend = Math.max(30, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
