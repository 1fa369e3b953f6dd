import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { uniqueName } from "../support/names.ts";
import { type RunningApp, System } from "../support/system.ts";

let system: System;
let service: RunningApp;
beforeAll(async () => {
  system = await System.create();
  service = await system.startService({ env: { LOG_LEVEL: "trace" } });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

/** What no log may hold. */
const marker = uniqueName("marker");
const escape = `${marker}\u001b[2J\u0007`;
const valid = { id: "hostile", handle: "hostile", displayName: "Ada" };
// In three digits each: longer ones would not fit into 64 KiB.
const many = Array.from({ length: 10_000 }, (_, n) => n.toString(36));
const deep = (levels: number) => '{"a":'.repeat(levels) + "1" + "}".repeat(levels);

interface Hostile {
  readonly method?: string;
  readonly path?: string;
  /** As lines of the request. */
  readonly headers?: readonly string[];
  readonly body?: string | object;
}

/** What the request is, its status, the field that the answer names, and what it says to do. */
type Case = readonly [string, Hostile, number, string, RegExp];

const bodies: Case[] = [
  ["70,000 bytes", { body: { ...valid, bio: "x".repeat(70_000) } }, 413, "body", /65,536.*send less/],
  ["an unknown field", { body: { ...valid, role: marker } }, 400, "role", /remove it/],
  ["__proto__", { body: '{"__proto__":{"admin":true}}' }, 400, "body", /without __proto__/],
  [
    "a nested __proto__",
    { body: '{"handle":{"__proto__":{"admin":true}}}' },
    400,
    "body",
    /without __proto__/,
  ],
  [
    "constructor.prototype",
    { body: '{"constructor":{"prototype":{"admin":1}}}' },
    400,
    "body",
    /must be JSON/,
  ],
  ["10,000 team ids", { body: { ...valid, teamIds: many } }, 400, "teamIds", /at most 100/],
  ["a number for a text", { body: { ...valid, displayName: 7 } }, 400, "displayName", /must be a text/],
  ["a text for a list", { body: { ...valid, teamIds: marker } }, 400, "teamIds", /must be a list/],
  ["an object for an id", { body: { ...valid, id: { $ne: null } } }, 400, "id", /must be 1 to 64/],
  ["half an object", { body: '{"handle":' }, 400, "body", /must be JSON/],
  [
    "JSON 5,000 deep",
    { body: `{"handle":${deep(5_000)},"displayName":"Ada"}` },
    400,
    "handle",
    /must be 1 to 64/,
  ],
  ["60,000 brackets", { body: "[".repeat(60_000) }, 400, "body", /must be JSON/],
  ["a NUL", { body: { ...valid, displayName: `${marker}\0` } }, 400, "displayName", /no control characters/],
  [
    "a terminal escape",
    { body: { ...valid, displayName: escape } },
    400,
    "displayName",
    /no control characters/,
  ],
  ["one in a field's name", { body: { ...valid, [escape]: 1 } }, 400, escape, /remove it/],
  ["one in a team's id", { body: { ...valid, teamIds: [escape] } }, 400, "teamIds.0", /must be a team id/],
  [
    "a right-to-left override in a handle",
    { body: { ...valid, handle: "\u202eada" } },
    400,
    "handle",
    /must be/,
  ],
  ["a form", { headers: ["content-type: text/plain"], body: "a=b" }, 415, "body", /application\/json/],
  ["no type at all", { headers: [], body: JSON.stringify(valid) }, 415, "body", /application\/json/],
  ["a type that is none", { headers: ["content-type: ;;"], body: "{}" }, 415, "body", /application\/json/],
  ["10,000 ids to get", { path: "/profiles:batchGet", body: { ids: many } }, 400, "ids", /1 to 100/],
];

const heads: Case[] = [
  [
    "an Idempotency-Key twice",
    { headers: ["content-type: application/json", "idempotency-key: a", "idempotency-key: b"], body: valid },
    400,
    "Idempotency-Key",
    /without blanks/,
  ],
  [
    "an Idempotency-Key of 10,000 bytes",
    { headers: ["content-type: application/json", `idempotency-key: ${"k".repeat(10_000)}`], body: valid },
    400,
    "Idempotency-Key",
    /1 to 255/,
  ],
  ["a header of 20,000 bytes", { headers: [`x-giant: ${"x".repeat(20_000)}`] }, 431, "headers", /16,384/],
  [
    "5,000 headers",
    { headers: Array.from({ length: 5_000 }, (_, n) => `x-${n}: y`) },
    431,
    "headers",
    /16,384/,
  ],
  ["a terminal escape in a header", { headers: [`min-version: ${escape}`] }, 400, "request", /must be HTTP/],
  ["two lengths", { headers: ["content-length: 1", "content-length: 2"] }, 400, "request", /must be HTTP/],
  [
    "a broken percent-encoding",
    { method: "GET", path: `/profiles/${marker}%zz` },
    400,
    "path",
    /percent-encoded/,
  ],
  ["half a character", { method: "GET", path: `/profiles/${marker}%c3` }, 400, "path", /percent-encoded/],
  ["a terminal escape", { method: "GET", path: `/profiles/${marker}%1b%5B2J` }, 400, "id", /must be 1 to 64/],
  ["a way up", { method: "GET", path: "/profiles/..%2f..%2fetc%2fpasswd" }, 400, "id", /must be 1 to 64/],
  ["a path of 20,000 bytes", { method: "GET", path: `/${"p".repeat(20_000)}` }, 431, "headers", /16,384/],
];

describe.each([
  ["a body", bodies],
  ["a head", heads],
] as const)("%s is refused with the field and what to do about it", (_, cases) => {
  test.each(cases)("%s", async (__, request, status, field, remedy) => {
    const answer = await send(request);
    expect(answer).toMatchObject({
      status,
      type: "application/problem+json; charset=utf-8",
      body: { status, errors: [{ field }] },
    });
    expect(answer.body.errors[0]?.remedy).toMatch(remedy);
  });
});

test("a patch is refused for the same reasons, and leaves the profile as it is", async () => {
  expect((await send({ body: valid })).status).toBe(201);
  const ofOneField = bodies.filter(([, { body }]) => typeof body !== "object" || !("handle" in body));
  for (const [name, request, status] of ofOneField) {
    if (request.path !== undefined) continue;
    const answer = await send({ ...request, method: "PATCH", path: "/profiles/hostile" });
    expect([name, answer.status]).toEqual([name, status]);
  }
});

test("a body in chunks that never ends is cut at the limit", async () => {
  const chunk = `${(8_192).toString(16)}\r\n${"x".repeat(8_192)}\r\n`;
  const headers = ["content-type: application/json", "transfer-encoding: chunked"];
  const answer = await raw(`${head({ headers })}\r\n${chunk.repeat(9)}`);
  expect(answer).toMatchObject({ status: 413, body: { errors: [{ field: "body" }] } });
});

test("of all of it nothing is written and nothing reaches the log, and the service serves", async () => {
  const answer = await fetch(`${service.url}/profiles/hostile`);
  expect([answer.status, answer.headers.get("etag")]).toEqual([200, '"1"']);
  const { rows } = await query(
    system.databaseUrl,
    `SELECT (SELECT count(*)::int FROM profiles) AS profiles, (SELECT count(*)::int FROM idempotency_keys) AS keys,
            (SELECT last_value::int FROM outbox_events_seq_seq) AS events`,
  );
  expect(rows).toEqual([{ profiles: 1, keys: 0, events: 1 }]);
  const log = service.log();
  expect(log).not.toContain(marker);
  expect(log).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: { readonly errors: readonly { readonly field: string; readonly remedy: string }[] };
}

function head({ method = "POST", path = "/profiles", headers = [] }: Hostile): string {
  return [`${method} ${path} HTTP/1.1`, "host: localhost", "connection: close", ...headers, ""].join("\r\n");
}

/** One request as it stands, without the help of a client that would refuse to send it. */
async function send(request: Hostile): Promise<Answer> {
  const { body, headers = ["content-type: application/json"] } = request;
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const length = text === undefined ? [] : [`content-length: ${Buffer.byteLength(text)}`];
  return await raw(`${head({ ...request, headers: [...headers, ...length] })}\r\n${text ?? ""}`);
}

async function raw(request: string): Promise<Answer> {
  const text = await exchange(request);
  const end = text.indexOf("\r\n\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]),
    type: /^content-type: (.*)$/im.exec(text.slice(0, end))?.[1],
    body: JSON.parse(text.slice(end + 4)) as Answer["body"],
  };
}

function exchange(request: string): Promise<string> {
  const { hostname, port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), hostname, () => socket.write(request));
    // A server that answers before it has read all may reset the connection: what it said counts.
    socket.on("error", (error) => {
      if (text === "") reject(error);
    });
    socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    socket.on("close", () => {
      resolve(text);
    });
  });
}
