import { byId, element, setText } from "./element.js";
import { number, timeOfDay } from "./format.js";

/** @typedef {import("../message.ts").Audit} Audit */

/** @param {Audit} audit */
export function showAudit(audit) {
  const views = audit.known ? audit.views : [];
  const violations = audit.known ? audit.violations : [];
  byId("audit-table").hidden = views.length === 0;
  byId("audit").replaceChildren(
    ...views.map(({ pool, view, horizonSeconds, fresh, stale, ninesAtLeast }) =>
      element(
        "tr",
        {},
        element("td", {}, pool),
        element("td", { class: "key" }, view),
        element("td", { class: "number", "data-label": "after " }, `${number(horizonSeconds)} s`),
        element("td", { class: "number", "data-label": "fresh " }, number(fresh)),
        element("td", { class: "number", "data-label": "old " }, number(stale)),
        element("td", { class: "number" }, `at least ${ninesAtLeast.toFixed(1)} nines`),
      ),
    ),
  );
  byId("violations").replaceChildren(
    ...violations.map(({ at, pool, key, node, cachedVersion, committedVersion, because }) =>
      element(
        "li",
        {},
        `${timeOfDay(Date.parse(at))} ${key} on ${node}, pool ${pool}: version ${cachedVersion ?? "none"} ` +
          `cached, ${committedVersion} committed; ${because}`,
      ),
    ),
  );
  setText(byId("audit-note"), noteOf(audit));
}

/** @param {Audit} audit */
function noteOf(audit) {
  if (!audit.known) return `Not known: ${audit.why}.`;
  if (audit.views.length === 0) return "No check has ended yet: change something.";
  return audit.violations.length === 0 ? "No old value was found." : "The last old values:";
}
