// npm run demo: plays the story of one cached profile on servers of its own. Exit code 0 only if each step was seen.
// --no-install as for npm start; --invalidator=<file> plays it with that file in the invalidator's place.
import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { Stage } from "./demo/stage.mjs";
import { play } from "./demo/story.mjs";
import { format, NotSeen, Timeline } from "./demo/timeline.mjs";
import { installWhatIsMissing } from "./local/install.mjs";
import { Sandbox } from "./local/sandbox.mjs";
import { abortAtStopSignals } from "./local/stop-signals.mjs";

const signal = abortAtStopSignals();
const timeline = new Timeline();
/** @type {Sandbox | undefined} */
let sandbox;

try {
  process.exitCode = (await demo()) ? 0 : 1;
} catch (error) {
  if (!signal.aborted) tell(error);
  process.exitCode = signal.aborted ? 130 : 1;
} finally {
  await sandbox?.close({ keepLogs: process.exitCode === 1 });
}

async function demo() {
  const { values: options } = parseArgs({
    options: {
      "no-install": { type: "boolean", default: false },
      invalidator: { type: "string" },
    },
  });
  const servers = { kafka: true, memcached: true };
  if (!(await installWhatIsMissing(servers, { allowed: !options["no-install"], signal }))) return false;

  console.log("Freshet's demo. Each line below is printed once it was seen, with the time that it took.");
  const started = performance.now();
  sandbox = await Sandbox.open("demo", { signal });
  const { invalidator } = options;
  const stage = new Stage(sandbox, { signal, invalidatorEntry: invalidator && resolve(invalidator) });
  await stage.start(stage.profileService);
  timeline.seen(
    performance.now() - started,
    `PostgreSQL, Kafka, memcached ${stage.nodes.join(" and ")}, and profile-service answer`,
  );
  await play(stage, timeline);
  console.log(`\nEvery step was seen, in ${format(performance.now() - started)} ms.`);
  return true;
}

/** @param {unknown} error */
function tell(error) {
  console.error(`\nFAILED at step ${timeline.title}`);
  if (error instanceof NotSeen) console.error(`  expected: ${error.expected}\n  saw:      ${error.saw}`);
  else console.error(`  ${error instanceof Error ? error.message : String(error)}`);
  if (sandbox) console.error(`  logs:     ${sandbox.logDir}`);
}
