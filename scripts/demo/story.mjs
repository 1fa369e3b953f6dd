import { setTimeout as pause } from "node:timers/promises";
import { wallClock } from "../local/wall-clock.mjs";
import { NotSeen, timed } from "./timeline.mjs";

const ID = "123";
const KEY = `user_profile:${ID}`;
const PATH = `/profiles/${ID}`;
/** How long the bus is watched doing nothing. */
const QUIET_MS = 1_500;
/** Far beyond what a working bus needs; a broken one is told then. */
const PATIENCE_MS = 15_000;
const UPDATES = 25;

/** @typedef {import("./stage.mjs").Stage} Stage */
/** @typedef {import("./timeline.mjs").Timeline} Timeline */

/**
 * Plays the story; whatever it does not see ends it.
 * @param {Stage} stage
 * @param {Timeline} timeline
 * @throws NotSeen
 */
export async function play(stage, timeline) {
  timeline.step("A cached profile");
  const node = await cacheProfile(stage, timeline);

  timeline.step("An update with the bus off");
  await updateWithoutBus(stage, timeline, node);

  timeline.step("The bus on");
  await turnBusOn(stage, timeline, node);

  timeline.step(`Commit → gone, ${UPDATES} updates`);
  await measureUpdates(stage, timeline, node);

  timeline.step("profile-service dies between commit and publish");
  await dieBeforePublish(stage, timeline, node);
}

/**
 * @param {Stage} stage
 * @param {Timeline} timeline
 * @returns {Promise<string>} the node that holds the key
 */
async function cacheProfile(stage, timeline) {
  const created = await timed(() =>
    stage.request("POST", "/profiles", { id: ID, handle: "ada", displayName: "Ada" }),
  );
  expectAnswer("POST /profiles", created.value, { status: 201, displayName: "Ada" });
  timeline.seen(created.ms, `POST /profiles: profile ${ID} is "Ada" in PostgreSQL`);

  await read(stage, timeline, "MISS", "Ada");
  await read(stage, timeline, "HIT", "Ada");

  const { value: names, ms } = await timed(() =>
    Promise.all(stage.nodes.map((node) => stage.nameOn(node, KEY))),
  );
  const holders = stage.nodes.filter((_node, index) => names[index] === "Ada");
  const [holder, ...others] = holders;
  if (holder === undefined || others.length > 0)
    throw new NotSeen(`${KEY} with "Ada" on exactly one node`, describeNodes(stage.nodes, names));
  timeline.seen(ms, `asked past the service: ${describeNodes(stage.nodes, names)}`);
  return holder;
}

/**
 * @param {Stage} stage
 * @param {Timeline} timeline
 * @param {string} node
 */
async function updateWithoutBus(stage, timeline, node) {
  const displayName = "Ada Lovelace";
  const { value, ms } = await timed(() => stage.request("PATCH", PATH, { displayName }));
  expectAnswer(`PATCH ${PATH}`, value, { status: 200, displayName });
  timeline.seen(ms, `PATCH ${PATH}: profile ${ID} is "${displayName}" in PostgreSQL`);
  const published = await stage.until("2 events in Kafka", () => stage.published(), 2, PATIENCE_MS);
  timeline.seen(published, "the event lies in Kafka; no invalidator runs");

  const started = performance.now();
  let reads = 0;
  while (performance.now() - started < QUIET_MS) {
    const answer = await stage.request("GET", PATH);
    expectAnswer(`GET ${PATH}`, answer, { status: 200, cache: "HIT", displayName: "Ada" });
    const name = await stage.nameOn(node, KEY);
    if (name !== "Ada") throw new NotSeen(`"Ada" on ${node} while the bus is off`, name);
    reads += 1;
    await pause(20);
  }
  const seconds = await stage.secondsLeft(node, KEY);
  if (seconds === undefined) throw new NotSeen(`${KEY} on ${node} with its TTL`, "no such key");
  timeline.seen(
    performance.now() - started,
    `${reads} reads, all of them HIT with the old name "Ada"; its TTL has ${seconds} s to go`,
  );
}

/**
 * @param {Stage} stage
 * @param {Timeline} timeline
 * @param {string} node
 */
async function turnBusOn(stage, timeline, node) {
  const started = performance.now();
  await stage.start(stage.invalidator);
  timeline.seen(performance.now() - started, "the invalidator is started and ready");
  await untilGone(stage, node, "the event was published and the invalidator was ready");
  timeline.seen(
    performance.now() - started,
    `the waiting event has deleted ${KEY} on ${node}, since that start`,
  );
  await read(stage, timeline, "MISS", "Ada Lovelace");
}

/**
 * @param {Stage} stage
 * @param {Timeline} timeline
 * @param {string} node
 */
async function measureUpdates(stage, timeline, node) {
  const now = wallClock();
  /** @type {number[]} */
  const delays = [];
  for (let n = 1; n <= UPDATES; n += 1) {
    const { displayName: cached } = await stage.request("GET", PATH);
    await stage.until(
      `"${cached}" on ${node} after a read`,
      () => stage.nameOn(node, KEY),
      cached,
      PATIENCE_MS,
    );
    const displayName = `Ada, Countess ${n}`;
    const answer = await stage.request("PATCH", PATH, { displayName });
    expectAnswer(`PATCH ${PATH}`, answer, { status: 200, displayName });
    await untilGone(stage, node, "the commit");
    const goneMs = now();
    delays.push(goneMs - (await stage.row(ID)).committedMs);
  }
  delays.sort((a, b) => a - b);
  const [median = 0, worst = 0] = [delays[Math.floor(UPDATES / 2)], delays.at(-1)];
  timeline.seen(median, `median, from PostgreSQL's commit time to the first read on ${node} without the key`);
  timeline.seen(worst, "worst");
}

/**
 * @param {Stage} stage
 * @param {Timeline} timeline
 * @param {string} node
 */
async function dieBeforePublish(stage, timeline, node) {
  const old = `Ada, Countess ${UPDATES}`;
  const name = "Augusta Ada King";
  await read(stage, timeline, "MISS", old);
  const [before, published] = [await stage.row(ID), await stage.published()];

  const { profileService } = stage;
  stage.armCrash();
  const started = performance.now();
  // The answer is lost when death comes first.
  await stage.request("PATCH", PATH, { displayName: name }).catch(() => undefined);
  const died = await Promise.race([profileService.ended, pause(PATIENCE_MS, "alive", { ref: false })]);
  if (died !== "signal SIGKILL") throw new NotSeen("profile-service killed by SIGKILL", died);
  timeline.seen(
    performance.now() - started,
    "PATCH, and profile-service is dead: kill -9, before it published",
  );

  const looked = performance.now();
  const row = await stage.row(ID);
  const saw = {
    committed: `"${row.displayName}" v${row.version}`,
    inOutbox: await stage.outboxRows(),
    newInKafka: (await stage.published()) - published,
    cached: await stage.nameOn(node, KEY),
  };
  const expected = { committed: `"${name}" v${before.version + 1}`, inOutbox: 1, newInKafka: 0, cached: old };
  expectEqual(expected, saw);
  timeline.seen(
    performance.now() - looked,
    `PostgreSQL has "${name}" and the event in its outbox, Kafka has heard nothing, ${node} still holds "${old}"`,
  );

  const restarted = performance.now();
  await stage.start(profileService);
  timeline.seen(performance.now() - restarted, "profile-service is started again and ready");
  await untilGone(stage, node, "the restart of profile-service");
  timeline.seen(performance.now() - restarted, `${KEY} is gone from ${node}, since that start`);
  await read(stage, timeline, "MISS", name);
}

/**
 * @param {Stage} stage
 * @param {Timeline} timeline
 * @param {"HIT" | "MISS"} cache
 * @param {string} displayName
 */
async function read(stage, timeline, cache, displayName) {
  const { value, ms } = await timed(() => stage.request("GET", PATH));
  expectAnswer(`GET ${PATH}`, value, { status: 200, cache, displayName });
  timeline.seen(ms, `GET ${PATH}: ${cache}, "${displayName}"`);
}

/**
 * @param {Stage} stage
 * @param {string} node
 * @param {string} since
 */
async function untilGone(stage, node, since) {
  const expected = `${KEY} gone from ${node} after ${since}`;
  await stage.until(expected, () => stage.nameOn(node, KEY), "absent", PATIENCE_MS);
}

/**
 * @param {string} request
 * @param {import("./stage.mjs").Answer} answer
 * @param {Partial<import("./stage.mjs").Answer>} expected
 */
function expectAnswer(request, answer, expected) {
  expectEqual({ request, ...answer, ...expected }, { request, ...answer });
}

/**
 * @param {object} expected
 * @param {object} saw
 */
function expectEqual(expected, saw) {
  const [wanted, got] = [JSON.stringify(expected), JSON.stringify(saw)];
  if (wanted !== got) throw new NotSeen(wanted, got);
}

/**
 * @param {readonly string[]} nodes
 * @param {readonly string[]} names
 */
function describeNodes(nodes, names) {
  return nodes.map((node, index) => `${node} holds ${describeName(names[index])}`).join(", ");
}

/** @param {string | undefined} name */
function describeName(name) {
  return name === undefined || name === "absent" ? `no ${KEY}` : `${KEY} with "${name}"`;
}
