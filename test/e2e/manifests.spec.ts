// Manifests that change while the invalidator runs, and two versions of them in one group.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { checkCache, untilQuiet } from "../support/checker.ts";
import { ConfigMap } from "../support/config-map.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { publish } from "../support/publish.ts";
import { type RunningApp, System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

const partitions = 12;
const ours = {
  "pools.yaml": deployed("pools.yaml"),
  "profile-service.yaml": deployed("profile-service.yaml"),
};

function deployed(name: string): string {
  return readFileSync(new URL(`../../deploy/manifests/${name}`, import.meta.url), "utf8");
}

/** The manifest of a service that caches something about profiles. */
function cards(field = "displayName"): string {
  return `freshet: 1
service: card-service
views:
  profile_card:
    key: profile_card:{profileId}
    formerKeys: ["card:{profileId}"]
    pool: profiles
    dependsOn: [{ event: ProfileChanged, fields: [${field}], params: { profileId: subject } }]
`;
}

/** The manifest of a service with an event of its own. */
function things(topic: string): string {
  return `freshet: 1
service: thing-service
publishes:
  ThingChanged: { entity: thing, topic: ${topic}, fields: [name], routing: {} }
views:
  thing: { key: "thing:{id}", pool: profiles, dependsOn: [{ event: ThingChanged, params: { id: subject } }] }
`;
}

/** One event in each partition, of subjects `<prefix>-<partition>`. */
function oneInEachPartition(type: string, prefix: string) {
  return Array.from({ length: partitions }, (_, partition) => {
    const routing = { handle: prefix, teamIds: [] };
    const data = { version: 1, change: "updated", before: routing, after: routing };
    const subject = `${prefix}-${partition}`;
    const event = { specversion: "1.0", id: randomUUID(), source: "spec", type, subject, data };
    return { key: subject, partition, value: JSON.stringify(event) };
  });
}

interface Status {
  readonly manifests: { readonly hash: string };
  readonly pools: readonly {
    readonly pool: string;
    readonly partitions: readonly { readonly topic: string; readonly phase: string }[];
  }[];
}

async function statusOf({ url }: RunningApp): Promise<Status> {
  return (await (await fetch(`${url}/status`)).json()) as Status;
}

async function textOf({ url }: RunningApp, path: string): Promise<string> {
  return await (await fetch(`${url}/${path}`)).text();
}

/** Resolves once the changed manifests are in force. */
async function untilTaken(invalidator: RunningApp, before: string): Promise<string> {
  return waitFor(
    async () => {
      const { manifests } = await statusOf(invalidator);
      return manifests.hash === before ? undefined : manifests.hash;
    },
    { timeoutMs: 60_000, describe: "the changed manifests to be in force" },
  );
}

/** Puts each key on every node; resolves with a promise of the deletion of each by its owner. */
async function cached({ nodeAddresses }: System, ...keys: string[]): Promise<() => Promise<void>> {
  for (const key of keys)
    for (const node of nodeAddresses) await writeKey(node, key, '{"l":"0123456789abcdef"}'); // no value to check
  const isGone = async (key: string) => {
    const values = await Promise.all(nodeAddresses.map((node) => readKey(node, key)));
    return values.includes(undefined);
  };
  return async () => {
    for (const key of keys)
      await waitFor(() => isGone(key), { timeoutMs: 60_000, describe: `${key} to be deleted` });
  };
}

test("changed manifests come into force under traffic: a wrong set is refused as a whole, no event is lost", async () => {
  await using system = await System.create();
  const config = new ConfigMap();
  config.write(ours);
  const [service, invalidator] = await Promise.all([
    system.startService(),
    system.startInvalidator({ env: { MANIFESTS_DIR: config.folder } }),
  ]);
  const traffic = new Traffic(service.url, { seed: 11 });
  await traffic.createAll();
  let isOver = false;
  const lane = async () => {
    let failed = 0;
    while (!isOver) failed += (await traffic.run(5)).failed;
    return failed;
  };
  const busy = Promise.all([lane(), lane()]);
  const [id = ""] = traffic.ids;
  const card = `profile_card:${id}`;
  const change = () => publish(system.brokers, system.topic, [eventOf(id)]);

  // An operator asks for a look that finds nothing: the set in force goes on.
  process.kill(invalidator.pid ?? 0, "SIGHUP");

  // A view is added, whose key was renamed: readers of both keys are there for a while.
  const { manifests } = await statusOf(invalidator);
  config.write({ ...ours, "cards.yaml": cards() });
  const withCards = await untilTaken(invalidator, manifests.hash);
  const added = await cached(system, card, `card:${id}`);
  await change();
  await added();

  // A wrong set: it is told where, and the one before goes on.
  config.write({ ...ours, "cards.yaml": cards("nickname") });
  const told =
    "cards.yaml: views.profile_card.dependsOn.0.fields: ProfileChanged has no field nickname; use one of";
  await waitFor(async () => (await textOf(invalidator, "health/ready")).includes(told), {
    timeoutMs: 60_000,
    describe: "readiness to tell what is wrong",
  });
  expect(await textOf(invalidator, "metrics")).toContain("freshet_manifests_refused 1\n");
  expect((await statusOf(invalidator)).manifests.hash).toBe(withCards);
  const kept = await cached(system, card);
  await change();
  await kept();

  // A topic that is not there yet, then is, with events that are older than the set that reads it.
  const topic = `${uniqueName("thing")}.events.v1`;
  config.write({ ...ours, "cards.yaml": cards(), "things.yaml": things(topic) });
  await waitFor(
    async () => (await textOf(invalidator, "health/ready")).includes(`Kafka has no topic ${topic}`),
    {
      timeoutMs: 60_000,
      describe: "readiness to tell what is missing",
    },
  );
  const events = oneInEachPartition("ThingChanged", "t");
  const early = await cached(system, ...events.map(({ key }) => `thing:${key}`));
  await ensureTopics([...system.brokers], [topic]);
  await publish(system.brokers, topic, events);
  const withThings = await untilTaken(invalidator, withCards);
  await early();
  expect(await textOf(invalidator, "metrics")).toContain("freshet_manifests_refused 0\n");

  // A pool's settings: its pipeline is closed and opened again.
  const pools = ours["pools.yaml"].replace("nodeOf: ketama", "nodeOf: ketama\n    onGap: flush");
  expect(pools).not.toBe(ours["pools.yaml"]);
  config.write({ ...ours, "pools.yaml": pools, "cards.yaml": cards(), "things.yaml": things(topic) });
  await untilTaken(invalidator, withThings);
  const late = await cached(system, card, "thing:t-0");
  await Promise.all([change(), publish(system.brokers, topic, events.slice(0, 1))]);
  await late();

  isOver = true;
  expect(await busy).toEqual([0, 0]);
  await untilQuiet(system);
  expect((await checkCache(system)).violations).toEqual([]);
});

test("two versions of the manifests in one group leave no partition unread, whichever came first", async () => {
  await using system = await System.create();
  const topic = `${uniqueName("thing")}.events.v1`;
  await ensureTopics([...system.brokers], [topic]);
  const [before, after] = [new ConfigMap(), new ConfigMap()];
  before.write(ours);
  after.write({ ...ours, "things.yaml": things(topic) });
  const start = ({ folder }: ConfigMap) => system.startInvalidator({ env: { MANIFESTS_DIR: folder } });
  const reading = async (app: RunningApp) =>
    (await statusOf(app)).pools
      .filter(({ pool }) => pool === "profiles")
      .flatMap((pool) => pool.partitions)
      .filter(({ phase }) => phase === "reading")
      .map((partition) => partition.topic);
  const everyPartitionIsServed = async (round: string) => {
    const [profiles, some] = [`p${round}`, `t${round}`];
    const gone = await cached(
      system,
      ...oneInEachPartition("", profiles).map(({ key }) => `user_profile:${key}`),
      ...oneInEachPartition("", some).map(({ key }) => `thing:${key}`),
    );
    await publish(system.brokers, system.topic, oneInEachPartition("ProfileChanged", profiles));
    await publish(system.brokers, topic, oneInEachPartition("ThingChanged", some));
    await gone();
  };

  const old = await start(before);
  const young = await start(after);
  await waitFor(
    async () => {
      const [ofOld, ofYoung] = [await reading(old), await reading(young)];
      expect(ofOld.length).toBeGreaterThan(0);
      expect([...ofOld, ...ofYoung].sort()).toEqual(
        [system.topic, topic].flatMap((name) => Array<string>(partitions).fill(name)).sort(),
      );
      return true;
    },
    { timeoutMs: 60_000, describe: "every partition of both topics to be read by one of the two" },
  );
  expect(await reading(old)).not.toContain(topic);
  await everyPartitionIsServed("1");

  // The other way round: the one with more topics leads, and one with fewer comes.
  await old.stop();
  await everyPartitionIsServed("2");
  await old.start();
  await everyPartitionIsServed("3");
});

test("a new major version takes over from the first: whichever of the two comes, its keys go, until only the later one is known", async () => {
  await using system = await System.create();
  const entity = uniqueName("article");
  const topics = [`${entity}.events.v1`, `${entity}.events.v2`];
  await ensureTopics([...system.brokers], topics);
  const config = new ConfigMap();
  // docs/evolution.md shows these sets.
  const write = (folder: string) => {
    const file = new URL(`../../docs/examples/evolution/${folder}/articles.yaml`, import.meta.url);
    const text = readFileSync(file, "utf8").replaceAll("article.events.v", `${entity}.events.v`);
    config.write({ ...ours, "articles.yaml": text.replaceAll("pool: main", "pool: profiles") });
  };
  const id = `7-${entity}`;
  const [one, two] = [
    articleEvent("ArticleChanged", id, { authorId: "ada" }),
    articleEvent("ArticleChanged.v2", id, { authorIds: ["ada", "grace"] }),
  ];
  const article = `article:${id}`;
  const deletes = async (topic: number, event: typeof one, ...keys: string[]) => {
    const gone = await cached(system, ...keys);
    await publish(system.brokers, topics[topic] ?? "", [event]);
    await gone();
  };

  write("base");
  const invalidator = await system.startInvalidator({ env: { MANIFESTS_DIR: config.folder } });
  const first = (await statusOf(invalidator)).manifests.hash;
  await deletes(0, one, article, "articles_of_author:ada");

  write("new-major");
  const both = await untilTaken(invalidator, first);
  await deletes(0, one, article, "articles_of_author:ada");
  await deletes(1, two, article, "articles_of_author:ada", "articles_of_author:grace");

  write("major-only");
  await untilTaken(invalidator, both);
  await deletes(1, two, article, "articles_of_author:ada", "articles_of_author:grace");
});

function articleEvent(type: string, subject: string, routing: object) {
  const data = { version: 1, change: "updated", changedFields: ["title"], before: routing, after: routing };
  const event = { specversion: "1.0", id: randomUUID(), source: "spec", type, subject, data };
  return { key: subject, value: JSON.stringify(event) };
}

function eventOf(subject: string) {
  const routing = { handle: "nobody", teamIds: [] };
  const data = {
    version: 1,
    change: "updated",
    changedFields: ["displayName"],
    before: routing,
    after: routing,
  };
  const event = {
    specversion: "1.0",
    id: randomUUID(),
    source: "spec",
    type: "ProfileChanged",
    subject,
    data,
  };
  return { key: subject, value: JSON.stringify(event) };
}
