import assert from "node:assert/strict";
import { z } from "zod";
import { timed } from "../demo/timeline.mjs";
import { waitUntil } from "../local/wait.mjs";
import { checkConfinement } from "./confinement.mjs";
import { commandsOf, composeArguments } from "./documents.mjs";
import { playExample } from "./example.mjs";
import { playIngress } from "./ingress.mjs";
import { checkMonitoring } from "./monitoring.mjs";
import { run } from "./stack.mjs";
import { Traffic } from "./traffic.mjs";

const README = "README.md";
const DEPLOY = "docs/deploy.md";
const AUDITOR = "docs/auditor.md";
const INVALIDATORS = 3;
const PROFILE_SERVICES = 2;

const config = z.object({
  services: z.record(z.string(), z.object({ image: z.string(), build: z.unknown().optional() })),
});
const audit = z.object({
  shares: z.array(
    z.object({ view: z.string(), horizonSeconds: z.number(), counts: z.object({ fresh: z.number() }) }),
  ),
  violations: z.array(z.unknown()),
});
const verdict = z.object({
  values: z.number().min(1, "nothing is cached, so that this says nothing"),
  violations: z.array(z.unknown()),
  events: z.number(),
});

/**
 * Plays what docs/deploy.md promises of the stack; throws at the first thing that is not so.
 * @param {import("./stack.mjs").Stack} stack
 * @param {{ api: string, ingress: string, prometheus: string, teams: string }} urls
 * @param {import("../demo/timeline.mjs").Timeline} timeline
 * @param {AbortSignal} signal
 */
export async function play(stack, urls, timeline, signal) {
  const see = async (/** @type {() => Promise<string>} */ work) => {
    const { value, ms } = await timed(work);
    timeline.seen(ms, value);
  };
  const [up = [], scaleUp = []] = composeCommands();

  timeline.step("Up");
  await see(async () => {
    await stack.compose("build");
    return "the images are built";
  });
  await see(() => sizes(stack));
  await see(async () => {
    await stack.compose(...up);
    return "everything is healthy";
  });

  timeline.step("README's commands, over the published port");
  await see(() => readmeCommands(urls.api, signal));

  timeline.step("Audited");
  await see(async () => {
    const [command = ""] = commandsOf(AUDITOR, "scripts/compose/story.mjs");
    const [, name = "", value = "", args = ""] = /^(\w+)=(\S+) docker compose (.+)$/.exec(command) ?? [];
    stack.set(name, value);
    await stack.compose(...args.split(" "));
    return "the auditor is healthy";
  });
  await see(() => audited(stack, urls.api, signal));

  timeline.step("Told over HTTP");
  await see(() => playIngress(stack, urls, signal));

  timeline.step("Confined");
  await see(async () => {
    const containers = await checkConfinement(stack, [urls.api, urls.ingress]);
    return `${containers} containers: not root, no capability, read-only, with limits; two ports, on loopback`;
  });

  timeline.step("Scaled and watched");
  await see(async () => {
    await stack.compose(...scaleUp);
    return `${INVALIDATORS} invalidators, ${PROFILE_SERVICES} profile-services, Prometheus and Grafana are healthy`;
  });
  await see(async () => {
    const shares = await stack.inspect("members", String(INVALIDATORS));
    return `partitions of each invalidator: ${JSON.stringify(shares)}`;
  });
  await see(async () => {
    const replicas = {
      auditor: 1,
      ingress: 1,
      invalidator: INVALIDATORS,
      "profile-service": PROFILE_SERVICES,
    };
    const queries = await checkMonitoring(urls.prometheus, replicas, signal);
    return `Prometheus scrapes every replica and takes ${queries} queries of the dashboard and the alarms`;
  });

  timeline.step("One of each killed, under traffic");
  const traffic = new Traffic(urls.api);
  await see(async () => {
    await traffic.enough(20);
    const [[invalidator = ""], [service = ""]] = [
      await stack.containers("invalidator"),
      await stack.containers("profile-service"),
    ];
    await stack.docker("kill", invalidator, service);
    return `docker kill ${invalidator} ${service}`;
  });
  await see(async () => {
    const shares = await stack.inspect("members", String(INVALIDATORS - 1));
    return `the other invalidators have taken over: ${JSON.stringify(shares)}`;
  });
  await see(async () => {
    const { changes, tries } = await traffic.stop();
    return `${changes} profiles were changed and read meanwhile, in ${tries} requests`;
  });
  await see(() => noOldValue(stack));

  timeline.step("Down and up again");
  await see(async () => {
    await stack.compose("--profile=monitoring", "--profile=audit", "--profile=ingress", "down");
    return "down";
  });
  await see(async () => {
    await stack.compose(...up);
    return "everything is healthy again, on the same images";
  });
  await see(async () => {
    const read = await fetch(`${urls.api}/profiles/42`);
    assert.match(await read.text(), /"displayName":"Ada Lovelace"/);
    return `README's profile is still there, and so are ${await traffic.check()} others as they were left`;
  });
  await see(() => noOldValue(stack));

  timeline.step("A second service");
  await see(() => playExample(stack, urls, signal));
  await see(async () => {
    const containers = await checkConfinement(stack, [urls.api, urls.teams]);
    return `${containers} containers, as confined as before; one more port, on loopback`;
  });
}

/** What both documents say that starts and scales the stack, without `docker compose`. */
function composeCommands() {
  const [shown, explained] = [README, DEPLOY].map((document) =>
    commandsOf(document, "scripts/compose/story.mjs").map(composeArguments),
  );
  assert.deepEqual(shown, explained);
  return shown ?? [];
}

/** @param {import("./stack.mjs").Stack} stack */
async function sizes(stack) {
  const megabytes = async (/** @type {string} */ image) =>
    Math.round(Number(await stack.docker("image", "inspect", "--format={{.Size}}", image)) / 1e6);
  const { services } = config.parse(JSON.parse(await stack.compose("config", "--format=json")));
  const built = Object.values(services).filter(({ build }) => build !== undefined);
  const base = await megabytes("node:24-slim");
  const each = built.map(async ({ image }) => `${image} ${base} + ${(await megabytes(image)) - base} MB`);
  return (await Promise.all(each)).join(", ");
}

/**
 * @param {string} api
 * @param {AbortSignal} signal
 */
async function readmeCommands(api, signal) {
  const [create = "", read = "", change = ""] = commandsOf(README, "test/e2e/readme.spec.ts");
  const shell = (/** @type {string} */ command) =>
    run("bash", ["-c", command.replaceAll("http://127.0.0.1:3000", api)], { signal });
  const untilRead = (/** @type {RegExp} */ wanted) =>
    waitUntil(`${read} to answer ${String(wanted)}`, async () => wanted.test(await shell(read)), {
      timeoutMs: 60_000,
      signal,
    });

  assert.match(await shell(create), /"displayName":"Ada"/);
  // The event of the creation deletes the key once more: the copy stays when it has passed.
  await untilRead(/^x-cache: HIT\b/im);
  assert.match(await shell(change), /"displayName":"Ada Lovelace"/);
  // Renewed by the bus it is a hit at once; a miss where the bus could only delete it.
  await untilRead(/^x-cache: HIT\b.*"displayName":"Ada Lovelace"/ims);
  return "created, HIT, changed, HIT with the new name (the bus alone has changed the cached copy)";
}

/**
 * Changes README's profile until the auditor has found a copy of it fresh, as the invalidator hears from it.
 * @param {import("./stack.mjs").Stack} stack
 * @param {string} api
 * @param {AbortSignal} signal
 */
async function audited(stack, api, signal) {
  const path = `${api}/profiles/42`;
  const headers = { "content-type": "application/json" };
  const read = 'fetch("http://auditor:3002/status").then((answer) => answer.text()).then(console.log)';
  return waitUntil(
    "fresh checks of user_profile by the auditor",
    async () => {
      for (const bio of ["audited", "audited again"])
        await fetch(path, { method: "PATCH", headers, body: JSON.stringify({ bio }) });
      const text = await stack.compose("exec", "-T", "invalidator", "node", "-e", read);
      const { shares, violations } = audit.parse(JSON.parse(text));
      assert.deepEqual(violations, []);
      const of = shares.filter(({ view, counts }) => view === "user_profile" && counts.fresh > 0);
      return of.length === 0
        ? undefined
        : `${of[0]?.counts.fresh} checks of user_profile after ${of[0]?.horizonSeconds} s: all fresh`;
    },
    { timeoutMs: 60_000, intervalMs: 1_000, signal },
  );
}

/** @param {import("./stack.mjs").Stack} stack */
async function noOldValue(stack) {
  const { values, violations, events } = verdict.parse(await stack.inspect("verdict"));
  assert.deepEqual(violations, []);
  return `from inside: ${values} cached values, each is what PostgreSQL has, after ${events} events`;
}
