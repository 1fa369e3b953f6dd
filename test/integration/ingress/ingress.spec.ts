import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { decodeChangeEvent } from "@freshet/contracts";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createIngress } from "../../../apps/ingress/src/app.ts";
import { readConfig } from "../../../apps/ingress/src/config.ts";
import { codeBlocks } from "../../../scripts/docs/documents.ts";
import { freePort } from "../../../scripts/local/ports.mjs";
import { ensureTopics } from "../../../scripts/local/topics.mjs";
import { startApp } from "../../support/app.ts";
import { CrashPoint } from "../../support/crash-point.ts";
import { readTopic } from "../../support/event-log.ts";
import { uniqueName } from "../../support/names.ts";
import { ownBroker, ownDir } from "../../support/own-servers.ts";
import { waitFor } from "../../support/wait-for.ts";

const token = uniqueName("token-of-things");
const structured = "application/cloudevents+json";
const batch = "application/cloudevents-batch+json";
const topic = `${uniqueName("things")}.events.v1`;
let environment: Record<string, string>;
let ingress: Awaited<ReturnType<typeof startIngress>>;

beforeAll(async () => {
  const manifests = mkdtempSync(join(ownDir(), "manifests-"));
  writeFileSync(join(manifests, "pools.yaml"), "freshet: 1\npools: {}\n");
  writeFileSync(
    join(manifests, "things.yaml"),
    `freshet: 1
service: things
publishes:
  ThingChanged: { entity: thing, topic: ${topic}, fields: [name], routing: { slug: string, boxes: [string] } }
`,
  );
  await ensureTopics(inject("kafkaBrokers"), [topic]);
  environment = {
    KAFKA_BROKERS: inject("kafkaBrokers").join(","),
    MANIFESTS_DIR: manifests,
    INGRESS_TOKENS: `${token} things ThingChanged`,
    LOG_LEVEL: "silent",
    PORT: "0",
  };
  ingress = await startIngress();
});
afterAll(async () => {
  await ingress.stop();
});

async function startIngress(changes: Record<string, string> = {}) {
  const app = await createIngress(readConfig({ ...environment, ...changes }));
  return { ...app, ...(await app.start()) };
}

/** An event of an entity that no other test has. */
function thing(changes: object = {}, data: object = {}) {
  const routing = { slug: "a", boxes: ["b1"] };
  return {
    specversion: "1.0",
    id: uniqueName("event"),
    source: "things",
    type: "ThingChanged",
    subject: uniqueName("thing"),
    data: { version: 1, change: "updated", before: routing, after: routing, ...data },
    ...changes,
  };
}

async function post(
  body: string | Buffer | object,
  headers: Record<string, string> = {},
  url = ingress.url,
): Promise<Response> {
  const bytes = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return await fetch(`${url}/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": structured, ...headers },
    body: new Uint8Array(Buffer.from(bytes)),
    signal: AbortSignal.timeout(60_000),
  });
}

/** What the topic holds of these entities, as the bus decodes it. */
async function published(subjects: readonly string[], brokers = inject("kafkaBrokers"), of = topic) {
  const records = (await readTopic(brokers, of)).filter(({ key }) => subjects.includes(key ?? ""));
  return records.map((record) => {
    const decoded = decodeChangeEvent(record);
    if (!decoded.ok) throw new Error(decoded.detail);
    return decoded.event;
  });
}

test("what was answered 200 is in Kafka, whatever mode it came in", async () => {
  const [one, two, three, four] = [
    thing(),
    thing(),
    thing(),
    thing({ subject: `Zü rich ${uniqueName("t")}` }),
  ];
  const { data, ...attributes } = four;
  const asHeaders = Object.entries(attributes).map(
    ([name, text]) => [`ce-${name}`, encodeURIComponent(text)] as const,
  );
  const answers = [
    await post(one),
    await post([two, three], { "content-type": `${batch}; charset=utf-8` }),
    await post(data, { "content-type": "application/json", ...Object.fromEntries(asHeaders) }),
    await post([], { "content-type": batch }),
  ];
  expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual([
    { accepted: 1 },
    { accepted: 2 },
    { accepted: 1 },
    { accepted: 0 },
  ]);
  const sent = [one, two, three, four];
  const found = await published(sent.map(({ subject }) => subject));
  expect(found.length).toBe(4);
  expect(found).toEqual(expect.arrayContaining(sent));
});

test("one wrong event in a batch, and none of it is published", async () => {
  const good = thing();
  const wrong = thing({}, { before: null });
  const answer = await post([good, wrong], { "content-type": batch });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    400,
    "application/problem+json; charset=utf-8",
  ]);
  expect(await answer.json()).toMatchObject({
    errors: [{ event: 1, id: wrong.id, field: "data.before", remedy: "must be an object with slug, boxes" }],
  });
  const foreign = await post([good, thing({ source: "others" })], { "content-type": batch });
  expect([foreign.status, await foreign.json()]).toMatchObject([
    403,
    { errors: [{ event: 1, field: "source" }] },
  ]);
  expect(await published([good.subject, wrong.subject])).toEqual([]);
});

describe("a hostile request", () => {
  test.each([
    ["no token", "{}", { authorization: "" }, 401, /INGRESS_TOKENS/],
    ["another token", "{}", { authorization: "Bearer 0123456789abcdef0" }, 401, /INGRESS_TOKENS/],
    ["no token and 2 MB", "x".repeat(2_000_000), { authorization: "" }, 401, /INGRESS_TOKENS/],
    ["2 MB", "x".repeat(2_000_000), {}, 413, /1048576 bytes/],
    [
      "101 events",
      JSON.stringify(Array.from({ length: 101 }, () => ({}))),
      { "content-type": batch },
      413,
      /100 events/,
    ],
    ["XML", "<event/>", { "content-type": "application/cloudevents+xml" }, 415, /cloudevents\+json/],
    ["text", "{}", { "content-type": "text/plain" }, 415, /cloudevents\+json/],
    [
      "UTF-16",
      Buffer.from("{}", "utf16le"),
      { "content-type": `${structured}; charset=utf-16` },
      415,
      /utf-8/,
    ],
    ["Latin-1 bytes", Buffer.from('{"id":"é"}', "latin1"), {}, 400, /UTF-8/],
    ["__proto__", '{"__proto__":{"type":"ThingChanged"}}', {}, 400, /__proto__/],
    [
      "100,000 levels",
      "[".repeat(100_000) + "]".repeat(100_000),
      { "content-type": batch },
      400,
      /32 levels/,
    ],
    ["half of JSON", '{"specversion":', {}, 400, /JSON/],
  ] as const)("with %s is refused, and says what to do", async (_, body, headers, status, remedy) => {
    const answer = await post(body, headers);
    const text = await answer.text();
    expect({ status: answer.status, text }).toEqual({
      status,
      text: expect.stringMatching(remedy) as string,
    });
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect((await post(thing())).status).toBe(200);
  });

  test("for another method or path is told where events go", async () => {
    const get = await fetch(`${ingress.url}/events`);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await get.json()).toMatchObject({ errors: [{ field: "method" }] });
    expect(await (await fetch(`${ingress.url}/event`)).json()).toMatchObject({
      errors: [{ field: "path", remedy: expect.stringContaining("POST /events") as string }],
    });
  });
});

test("a token that has sent its events of the minute is told when to go on, and others go on", async () => {
  const other = uniqueName("another-token");
  const INGRESS_TOKENS = `${token} things *;${other} things *`;
  const limited = await startIngress({
    INGRESS_TOKENS,
    INGRESS_EVENTS_PER_MINUTE: "3",
    INGRESS_MAX_BATCH: "2",
  });
  try {
    const two = [thing(), thing()];
    expect((await post(two, { "content-type": batch }, limited.url)).status).toBe(200);
    const refused = await post(two, { "content-type": batch }, limited.url);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await post(thing(), { authorization: `Bearer ${other}` }, limited.url)).status).toBe(200);
    const metrics = await (await fetch(`${limited.url}/metrics`)).text();
    expect(metrics).toContain('freshet_ingress_requests_total{result="limited"} 1');
    expect(metrics).toContain(`freshet_ingress_events_total{topic="${topic}",result="published"} 3`);
  } finally {
    await limited.stop();
  }
});

test("killed after Kafka acknowledged it answers nothing; the request sent again is published twice, and nothing is lost", async () => {
  const crash = new CrashPoint("freshet:kafka.sent");
  const port = await freePort();
  const app = await startApp("ingress", {
    port,
    nodeArgs: crash.nodeArgs,
    env: { ...environment, ...crash.env },
  });
  const event = thing();
  const url = `http://127.0.0.1:${port}`;
  crash.arm();
  await expect(post(event, {}, url)).rejects.toThrow();
  await app.ended;
  await app.start();
  expect((await post(event, {}, url)).status).toBe(200);
  expect(await published([event.subject])).toEqual([event, event]);
  await app.stop();
  expect(app.log()).not.toContain("before everything was done");
});

test("while the broker is away it answers 503 and when to try again; afterwards the same request is taken", async () => {
  const broker = await ownBroker();
  await ensureTopics([broker.address], [topic], { config: { "max.message.bytes": "4000" } });
  const away = await startIngress({ KAFKA_BROKERS: broker.address, INGRESS_PUBLISH_TIMEOUT_MS: "1000" });
  try {
    const small = thing();
    const large = thing(
      {},
      { after: { slug: "a", boxes: Array.from({ length: 1_000 }, (_, n) => `box-${n}`) } },
    );
    await waitFor(async () => (await post(small, {}, away.url)).status === 200, { describe: "the broker" });
    const part = await post([small, large], { "content-type": batch }, away.url);
    expect([part.status, await part.json()]).toMatchObject([422, { accepted: [0], errors: [{ event: 1 }] }]);

    await broker.kill();
    const refused = await post(small, {}, away.url);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ accepted: "unknown" });
    expect((await fetch(`${away.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${away.url}/health/live`)).status).toBe(200);

    await broker.start();
    await waitFor(async () => (await post(small, {}, away.url)).status === 200, {
      timeoutMs: 60_000,
      describe: "the request to be taken",
    });
    const found = await published([small.subject], [broker.address]);
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set([small.id]));
  } finally {
    await away.stop();
  }
});

test("the commands of docs/ingress.md do what it says", async () => {
  const note = "run by test/integration/ingress/ingress.spec.ts";
  const block = codeBlocks("docs/ingress.md").find((one) => one.note === note);
  const MANIFESTS_DIR = fileURLToPath(new URL("../../../deploy/manifests", import.meta.url));
  await ensureTopics(inject("kafkaBrokers"), ["profile.events.v1"]);
  const documented = await startIngress({ MANIFESTS_DIR, INGRESS_TOKENS: `${token} profile-service *` });
  try {
    const env = { ...process.env, INGRESS: documented.url, TOKEN: token };
    const { stdout } = await promisify(execFile)("sh", ["-euc", block?.text ?? "exit 1"], { env });
    expect(stdout).toBe('{"accepted":1}{"accepted":2}{"accepted":1}');
  } finally {
    await documented.stop();
  }
});

test.each([
  ["a token for a type that no manifest publishes", { INGRESS_TOKENS: `${token} things Nope` }, "Nope"],
  ["a limit that takes no full batch", { INGRESS_EVENTS_PER_MINUTE: "5" }, "INGRESS_MAX_BATCH"],
  ["no token", { INGRESS_TOKENS: "" }, "INGRESS_TOKENS: is not set"],
])("it does not start with %s", async (_, changes, problem) => {
  await expect(startIngress(changes)).rejects.toThrow(problem);
});
