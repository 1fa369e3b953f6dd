import { showAudit } from "./audit.js";
import { Charts } from "./charts.js";
import { byId, setText } from "./element.js";
import { timeOfDay } from "./format.js";
import { listenToQuestions } from "./explain.js";
import { showGraph } from "./graph.js";
import { listen } from "./live.js";
import { RecentTable, showNodes, showParked, showPartitions } from "./tables.js";
import { showTiles } from "./tiles.js";
import { verdictOf } from "./verdict.js";

const charts = new Charts();
const recent = new RecentTable();
const connectionTexts = { connecting: "Connecting …", live: "Live", lost: "Connection lost, trying again …" };

listenToQuestions();
listen({
  connection(state) {
    const place = byId("connection");
    place.dataset["state"] = state;
    setText(place, connectionTexts[state]);
    if (state === "lost")
      showVerdict("unknown", "No figures since the connection was lost: what stands below is old.");
  },
  hello({ deployment, startedAtMs, slots, invalidations, picture }) {
    setText(byId("deployment"), `deployment ${deployment}`);
    setText(byId("since"), timeOfDay(startedAtMs));
    if (slots.length > 0) charts.add(slots);
    recent.reset(invalidations);
    showGraph(picture);
  },
  picture: showGraph,
  beat(beat) {
    const { pools } = beat.status;
    const { level, text } = verdictOf(beat);
    showVerdict(level, text);
    showTiles(beat);
    showNodes(pools);
    showParked(pools);
    showPartitions(pools);
    showAudit(beat.audit);
    recent.add(beat.invalidations);
    if (beat.slot !== null) charts.add([beat.slot]);
  },
});

/**
 * @param {string} level
 * @param {string} text
 */
function showVerdict(level, text) {
  const place = byId("verdict");
  const panel = place.parentElement;
  if (panel !== null) panel.dataset["level"] = level;
  setText(place, text);
}
