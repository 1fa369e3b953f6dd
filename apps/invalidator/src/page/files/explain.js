import { byId, element } from "./element.js";
import { duration, timeOfDay, written } from "./format.js";

/** @typedef {import("@freshet/inspect").Explanation} Explanation */
/** @typedef {Explanation["events"][number]} TouchingEvent */

/** @type {Readonly<Partial<Record<Explanation["verdict"], string>>>} */
const withoutValue = { unknown: "not known", leased: "a lease", foreign: "not a value of Freshet's" };

/** Makes the form ask why a reader gets what it gets under a key. */
export function listenToQuestions() {
  byId("explain-form").addEventListener("submit", (event) => {
    event.preventDefault(); // the policy of the page lets no form be sent
    const key = byId("explain-key");
    if (key instanceof HTMLInputElement) void show(key.value.trim());
  });
}

/** @param {string} key */
async function show(key) {
  const place = byId("explained");
  place.replaceChildren(element("p", { class: "muted" }, "Asking …"));
  try {
    const response = await fetch(`explain?key=${encodeURIComponent(key)}`);
    if (response.ok) {
      /** @type {Explanation} */
      const explanation = await response.json();
      place.replaceChildren(...described(explanation));
    } else {
      /** @type {{ message: string }} */
      const { message } = await response.json();
      place.replaceChildren(element("p", {}, message));
    }
  } catch {
    place.replaceChildren(element("p", {}, "The invalidator did not answer: ask again."));
  }
}

/** @param {Explanation} explanation */
function described({ verdict, sentence, view, pool, node, cached, owner, events, unanswered }) {
  const facts = [
    ["View", view],
    ["Pool", pool],
    ["Node", node],
    ["Cached", cached === null ? (withoutValue[verdict] ?? "nothing") : versions(cached.versions)],
    ...(cached === null ? [] : [["Expires", life(cached.expiresInSeconds)]]),
    ...(cached?.tags ?? []).map(({ tag, isCurrent }) => [
      "Tag",
      `${tag}, ${isCurrent ? "as it was" : "changed since"}`,
    ]),
    ["Its owner has", owner === null ? "not known" : versions(owner.versions)],
    ...unanswered.map((text) => ["Note", text]),
  ];
  const list = element("dl", { class: "facts" });
  for (const [name = "", fact = ""] of facts) list.append(element("dt", {}, name), element("dd", {}, fact));
  const touching = events.map((event) => element("li", {}, told(event)));
  const heading = element("p", {}, "Events that touched it, newest first:");
  return [
    element("p", { class: "sentence" }, sentence),
    list,
    ...(touching.length === 0 ? [] : [heading, element("ul", {}, ...touching)]),
  ];
}

/** @param {number | null} seconds null: never */
function life(seconds) {
  return seconds === null ? "never" : `in ${written(duration(seconds))}`;
}

/** @param {TouchingEvent} event */
function told({ topic, partition, offset, at, entity, version, change, isCommitted, isOwed }) {
  const when = timeOfDay(Date.parse(at));
  const done = isOwed ? ", owed by the node" : isCommitted ? "" : ", not invalidated yet";
  return `${when}: ${entity} ${change}, version ${version} (${topic}/${partition} @ ${offset}${done})`;
}

/** @param {Readonly<Record<string, number>>} of entity → version */
function versions(of) {
  const all = Object.entries(of).map(([entity, version]) => `${entity} version ${version}`);
  return all.length === 0 ? "a value without versions" : all.join(", ");
}
