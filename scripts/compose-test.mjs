// npm run test:compose: the stack of docker-compose.yml, really built, started, used, scaled, killed and taken down,
// under a project name and on ports of its own. Exit code 0 only if each step was seen, or if there is no Docker.
import { play } from "./compose/story.mjs";
import { Stack, whyNoEngine } from "./compose/stack.mjs";
import { format, Timeline } from "./demo/timeline.mjs";
import { freePort } from "./local/ports.mjs";
import { abortAtStopSignals } from "./local/stop-signals.mjs";

const signal = abortAtStopSignals();
const noEngine = await whyNoEngine();

if (noEngine === undefined) process.exitCode = (await test()) ? 0 : 1;
else console.log(`skipped: no Docker engine with compose here (${noEngine})`);

async function test() {
  const started = performance.now();
  const ports = {
    PROFILE_SERVICE_PORT: await freePort(),
    PROMETHEUS_PORT: await freePort(),
    GRAFANA_PORT: await freePort(),
    TEAM_SERVICE_PORT: await freePort(),
    INGRESS_PORT: await freePort(),
  };
  const stack = new Stack({ project: "freshet-test", ports, signal });
  const timeline = new Timeline();
  const urls = {
    api: `http://127.0.0.1:${ports.PROFILE_SERVICE_PORT}`,
    ingress: `http://127.0.0.1:${ports.INGRESS_PORT}`,
    prometheus: `http://127.0.0.1:${ports.PROMETHEUS_PORT}`,
    teams: `http://127.0.0.1:${ports.TEAM_SERVICE_PORT}`,
  };
  try {
    await stack.remove(); // what an interrupted run has left
    await play(stack, urls, timeline, signal);
    console.log(`\nEvery step was seen, in ${format(performance.now() - started)} ms.`);
    return true;
  } catch (error) {
    console.error(`\nFAILED at step ${timeline.title}\n  ${String(error)}`);
    if (error instanceof Error && error.cause instanceof Error) console.error(`  ${error.cause.message}`);
    return false;
  } finally {
    await stack.remove();
  }
}
