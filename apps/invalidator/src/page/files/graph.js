import { byId, element } from "./element.js";
import { counted } from "./format.js";
import { basesOf, boxHeight, boxWidth, idOf, layOut } from "./layout.js";

/** @typedef {import("../message.ts").Picture} Picture */
/** @typedef {import("./layout.js").Box} Box */
/** @typedef {Picture["views"][number]} View */

/** @type {Set<string>} */
const nothing = new Set();
const svgNamespace = "http://www.w3.org/2000/svg";
/** As in page.css. */
const narrowScreen = window.matchMedia("(max-width: 44rem)");
/** @type {Picture | undefined} */
let shown;

narrowScreen.addEventListener("change", () => {
  if (shown) showGraph(shown);
});

/**
 * Draws the graph; a chosen event or view shows what it reaches, in the picture and in words.
 * @param {Picture} picture
 */
export function showGraph(picture) {
  shown = picture;
  const { boxes, arrows, width, height } = layOut(picture, { narrow: narrowScreen.matches });
  const root = svg("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "group",
    "aria-label": `${counted(picture.events.length, "event type")} and ${counted(picture.views.length, "view")}`,
  });
  const head = svg("marker", {
    id: "arrowhead",
    viewBox: "0 0 8 8",
    refX: 2,
    refY: 4,
    markerWidth: 8,
    markerHeight: 8,
    markerUnits: "userSpaceOnUse",
    orient: "auto",
  });
  head.append(svg("path", { class: "arrowhead", d: "M0 0L8 4L0 8Z" }));
  root.append(head);
  const lines = arrows.map((arrow) => ({
    ...arrow,
    shape: svg("path", { class: `arrow ${arrow.kind}`, d: arrow.path, "marker-end": "url(#arrowhead)" }),
  }));
  root.append(...lines.map(({ shape }) => shape));
  const shapes = new Map(boxes.map((box) => [box.id, boxShape(box)]));
  root.append(...shapes.values());
  let chosen = "";
  const choose = (/** @type {string} */ id) => {
    chosen = chosen === id ? "" : id;
    const reached = chosen === "" ? nothing : reachedFrom(chosen, arrows);
    root.classList.toggle("chosen-any", chosen !== "");
    for (const [boxId, shape] of shapes) {
      shape.classList.toggle("chosen", boxId === chosen);
      shape.classList.toggle("reached", reached.has(boxId));
      shape.setAttribute("aria-pressed", String(boxId === chosen));
    }
    for (const { from, to, shape } of lines)
      shape.classList.toggle("reached", reached.has(to) && (from === chosen || reached.has(from)));
    byId("reached").replaceChildren(...inWords(chosen, reached, picture));
  };
  for (const [id, shape] of shapes) {
    shape.addEventListener("click", () => {
      choose(id);
    });
    shape.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(id);
    });
  }
  byId("graph").replaceChildren(root);
  byId("reached").replaceChildren();
}

/**
 * Everything that arrows lead to.
 * @param {string} id
 * @param {readonly { from: string, to: string }[]} arrows
 * @param {Set<string>} found
 */
function reachedFrom(id, arrows, found = new Set()) {
  for (const { from, to } of arrows)
    if (from === id && !found.has(to)) {
      found.add(to);
      reachedFrom(to, arrows, found);
    }
  return found;
}

/**
 * @param {string} chosen
 * @param {Set<string>} reached
 * @param {Picture} picture
 */
function inWords(chosen, reached, { events, views }) {
  const event = events.find(({ type }) => `event ${type}` === chosen);
  const view = views.find((candidate) => idOf(candidate) === chosen);
  const name = event?.type ?? view?.name;
  if (name === undefined) return [];
  const touched = views.filter((candidate) => reached.has(idOf(candidate)));
  const heading = element(
    "p",
    {},
    element("strong", {}, name),
    touched.length === 0 ? " reaches nothing more." : ` reaches ${counted(touched.length, "view")}:`,
  );
  const own =
    view === undefined ? [] : [element("p", { class: "muted" }, "Its key: ", element("code", {}, view.key))];
  const list = touched.map((candidate) =>
    element(
      "li",
      {},
      element("code", {}, candidate.key),
      ` in pool ${candidate.pool}: ${candidate.onChange}${event === undefined ? "" : when(candidate, event.type)}${derived(candidate, views)}`,
    ),
  );
  return list.length === 0 ? [heading, ...own] : [heading, ...own, element("ul", {}, ...list)];
}

/**
 * @param {View} view
 * @param {string} type
 */
function when({ reachedBy }, type) {
  const ways = reachedBy.filter(({ event }) => event === type);
  if (ways.some(({ fields }) => fields === null)) return ", whichever field changes";
  const fields = [...new Set(ways.flatMap((way) => way.fields ?? []))];
  return fields.length === 0 ? "" : `, when ${fields.join(", ")} change${fields.length === 1 ? "s" : ""}`;
}

/**
 * @param {View} view
 * @param {readonly View[]} views
 */
function derived(view, views) {
  const bases = basesOf(view, views);
  return bases.length === 0 ? "" : ` (built from ${bases.map(({ name }) => name).join(", ")})`;
}

/** @param {Box} box */
function boxShape({ kind, name, sub, x, y }) {
  const shape = svg("g", {
    class: `box ${kind}`,
    transform: `translate(${x} ${y})`,
    tabindex: 0,
    role: "button",
    "aria-pressed": "false",
  });
  const title = svg("text", { x: 12, y: 22 });
  title.textContent = cut(name, 28);
  const below = svg("text", { class: "sub", x: 12, y: 40 });
  below.textContent = cut(sub, 34);
  shape.append(
    svg("rect", { width: boxWidth, height: boxHeight, rx: kind === "event" ? boxHeight / 2 : 7 }),
    title,
    " ", // or a screen reader makes one word of both
    below,
  );
  if (kind === "event") for (const text of [title, below]) text.setAttribute("x", "24");
  return shape;
}

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Readonly<Record<string, string | number>>} attributes
 */
function svg(name, attributes) {
  const made = document.createElementNS(svgNamespace, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  return made;
}

/**
 * @param {string} text
 * @param {number} length
 */
function cut(text, length) {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
