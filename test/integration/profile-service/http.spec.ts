import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { send, startService } from "./harness.ts";

let service: Awaited<ReturnType<typeof startService>>;
beforeAll(async () => {
  service = await startService();
});
afterAll(async () => {
  await service.close();
});

const valid = () => ({ id: uniqueName("p"), handle: uniqueName("h"), displayName: "Ada" });

interface ProblemBody {
  title: string;
  status: number;
  detail: string;
  errors?: { field: string; remedy: string }[];
}

/** The answer, which has to be problem details (RFC 9457). */
async function problem(answer: Promise<Response>): Promise<ProblemBody> {
  const response = await answer;
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  const body = (await response.json()) as ProblemBody;
  expect(body.status).toBe(response.status);
  expect(body.detail).not.toBe("");
  return body;
}

describe("a path with an id or handle that cannot exist is 400 and names it", () => {
  const names = [
    ["a space", "a%20b"],
    ["a control character", "a%07b"],
    ["a terminal escape", "a%1b%5B2J"],
    ["a NUL", "a%00b"],
    ["300 bytes", "x".repeat(300)],
    ["10,000 bytes", "x".repeat(10_000)],
    ["a colon", "a%3Ab"],
    ["a letter outside ASCII", "%C3%A9"],
  ];
  test.each(names)("%s", async (_, name) => {
    for (const [method, path, field, body] of [
      ["GET", `/profiles/${name}`, "id", undefined],
      ["PATCH", `/profiles/${name}`, "id", {}],
      ["DELETE", `/profiles/${name}`, "id", undefined],
      ["GET", `/profiles/by-handle/${name}`, "handle", undefined],
    ] as const) {
      const answer = await problem(send(method, service.url + path, body));
      expect(answer).toMatchObject({ status: 400, errors: [{ field }] });
      expect(answer.errors?.[0]?.remedy).toMatch(/^must be 1 to 64/);
    }
  });

  test("a URL that cannot be decoded", async () => {
    expect((await problem(send("GET", `${service.url}/profiles/a%zz`))).status).toBe(400);
  });
});

describe("a body that is not a profile is 400 and names the field and what it must be", () => {
  const bodies: [string, Record<string, unknown>, string][] = [
    ["handle is a number", { handle: 3 }, "handle"],
    ["handle is missing", { handle: undefined }, "handle"],
    ["handle has a space", { handle: "a b" }, "handle"],
    ["handle has upper case", { handle: "Ada" }, "handle"],
    ["handle has 300 bytes", { handle: "x".repeat(300) }, "handle"],
    ["handle begins with ~", { handle: "~ada" }, "handle"],
    ["id has a control character", { id: "4\u001b2" }, "id"],
    ["id is null", { id: null }, "id"],
    ["displayName is empty", { displayName: "" }, "displayName"],
    ["displayName has a NUL", { displayName: "a\0" }, "displayName"],
    ["displayName has a lone surrogate", { displayName: "\ud800" }, "displayName"],
    ["displayName has 201 characters", { displayName: "x".repeat(201) }, "displayName"],
    ["displayName is a list", { displayName: ["Ada"] }, "displayName"],
    ["avatarUrl is no URL", { avatarUrl: "ada.png" }, "avatarUrl"],
    ["avatarUrl is a script", { avatarUrl: "javascript:alert(1)" }, "avatarUrl"],
    ["bio has 2,001 characters", { bio: "x".repeat(2_001) }, "bio"],
    ["teamIds is a text", { teamIds: "t1" }, "teamIds"],
    ["teamIds has 10,000 elements", { teamIds: Array.from({ length: 5_000 }, (_, n) => `t${n}`) }, "teamIds"],
    ["teamIds has one twice", { teamIds: ["t1", "t1"] }, "teamIds"],
    ["teamIds has a number", { teamIds: ["t1", 2] }, "teamIds.1"],
    ["version is set by the caller", { version: 7 }, "version"],
    ["a field is unknown", { colour: "red" }, "colour"],
    ["constructor is a field", { constructor: 1 }, "constructor"],
  ];
  test.each(bodies)("%s", async (_, part, field) => {
    const posted = await problem(send("POST", `${service.url}/profiles`, { ...valid(), ...part }));
    expect(posted).toMatchObject({ status: 400, errors: [{ field }] });
    expect(posted.errors?.[0]?.remedy).toMatch(/^(must|is not a known field)/);
  });

  test.each(bodies.filter(([, part]) => !("id" in part) && Object.values(part)[0] !== undefined))(
    "%s, in a patch",
    async (_, part, field) => {
      const patched = await problem(send("PATCH", `${service.url}/profiles/42`, part));
      expect(patched).toMatchObject({ status: 400, errors: [{ field }] });
    },
  );

  test("a patch may not remove what a profile needs", async () => {
    for (const field of ["handle", "displayName", "teamIds"])
      expect(await problem(send("PATCH", `${service.url}/profiles/42`, { [field]: null }))).toMatchObject({
        errors: [{ field }],
      });
  });

  test("a thousand faults are answered with the first twenty, long names cut", async () => {
    const faults = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`${n}${"x".repeat(50)}`, n]));
    const many = await problem(send("POST", `${service.url}/profiles`, { ...valid(), ...faults }));
    expect(many.errors).toHaveLength(20);
    const long = await problem(
      send("POST", `${service.url}/profiles`, { ...valid(), ["y".repeat(9_000)]: 1 }),
    );
    expect(JSON.stringify(long).length).toBeLessThan(1_000);
  });
});

describe("a body that cannot be read has its own answer", () => {
  const json = { "content-type": "application/json" };
  const bodies: [string, number, string, Record<string, string>?][] = [
    ["broken JSON", 400, "{"],
    ["nothing at all", 400, ""],
    ["a list", 400, "[]"],
    ["null", 400, "null"],
    ["__proto__", 400, '{"__proto__":{"admin":true}}'],
    ["a prototype by constructor", 400, '{"constructor":{"prototype":{"admin":true}}}'],
    ["30,000 brackets", 400, "[".repeat(30_000) + "]".repeat(30_000)],
    ["a 10,000 deep object", 400, '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000)],
    ["70,000 bytes", 413, JSON.stringify({ bio: "x".repeat(70_000) })],
    ["a form", 415, "handle=ada", { "content-type": "application/x-www-form-urlencoded" }],
    ["XML", 415, "<profile/>", { "content-type": "application/xml" }],
  ];
  test.each(bodies)("%s", async (_, status, body, headers = json) => {
    expect((await problem(send("POST", `${service.url}/profiles`, body, headers))).status).toBe(status);
    expect((await problem(send("PATCH", `${service.url}/profiles/42`, body, headers))).status).toBe(status);
  });

  test("after all of it the service serves", async () => {
    expect((await send("POST", `${service.url}/profiles`, valid())).status).toBe(201);
  });
});

describe("a condition in a header", () => {
  test("If-Match with the current version writes, with another one is 412 and tells the current", async () => {
    const profile = valid();
    const url = `${service.url}/profiles/${profile.id}`;
    await send("POST", `${service.url}/profiles`, profile);
    const first = await send("PATCH", url, { displayName: "B" }, { "if-match": '"1"' });
    expect([first.status, first.headers.get("etag")]).toEqual([200, '"2"']);
    for (const [method, body] of [
      ["PATCH", { displayName: "C" }],
      ["DELETE", undefined],
    ] as const) {
      const refused = await problem(send(method, url, body, { "if-match": '"1"' }));
      expect(refused).toMatchObject({
        status: 412,
        errors: [{ field: "If-Match", remedy: expect.stringContaining('"2"') as string }],
      });
    }
    expect((await send("PATCH", url, { displayName: "D" }, { "if-match": '"7", "2"' })).status).toBe(200);
    expect((await send("DELETE", url, undefined, { "if-match": "*" })).status).toBe(204);
  });

  test.each([
    ["If-Match", "7"],
    ["If-Match", '"abc"'],
    ["If-Match", 'W/"7"'],
  ])("%s: %s is 400 and names the header", async (field, value) => {
    const answer = problem(send("PATCH", `${service.url}/profiles/42`, {}, { [field]: value }));
    expect(await answer).toMatchObject({ status: 400, errors: [{ field }] });
  });

  test.each(["7", "profile:42", "profile:42=x", "profile:%zz=1"])("Min-Version: %s is 400", async (value) => {
    const answer = problem(send("GET", `${service.url}/profiles/42`, undefined, { "min-version": value }));
    expect(await answer).toMatchObject({ status: 400, errors: [{ field: "Min-Version" }] });
  });
});

describe("what is there already", () => {
  test("an id or a handle of a living profile is 409 and names the field", async () => {
    const profile = valid();
    await send("POST", `${service.url}/profiles`, profile);
    const sameId = await problem(send("POST", `${service.url}/profiles`, { ...valid(), id: profile.id }));
    expect(sameId).toMatchObject({ status: 409, errors: [{ field: "id" }] });
    const sameHandle = await problem(
      send("POST", `${service.url}/profiles`, { ...valid(), handle: profile.handle }),
    );
    expect(sameHandle).toMatchObject({ status: 409, errors: [{ field: "handle" }] });
    const other = valid();
    await send("POST", `${service.url}/profiles`, other);
    const taken = await problem(
      send("PATCH", `${service.url}/profiles/${other.id}`, { handle: profile.handle }),
    );
    expect(taken).toMatchObject({ status: 409, errors: [{ field: "handle" }] });
  });

  test("of twenty that ask for one handle at once one gets it", async () => {
    const handle = uniqueName("h");
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send("POST", `${service.url}/profiles`, { ...valid(), handle })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      201,
      ...Array.from({ length: 19 }, () => 409),
    ]);
  });

  test("a deleted profile is gone, its handle free, and its id goes on with the next version", async () => {
    const profile = valid();
    const url = `${service.url}/profiles/${profile.id}`;
    await send("POST", `${service.url}/profiles`, profile);
    expect((await send("DELETE", url)).status).toBe(204);
    const absent = {
      status: 404,
      errors: [{ field: "id", remedy: expect.stringContaining("GET /profiles") as string }],
    };
    expect(await problem(send("GET", url))).toMatchObject(absent);
    expect(await problem(send("PATCH", url, { displayName: "B" }))).toMatchObject(absent);
    expect(await problem(send("DELETE", url))).toMatchObject(absent);
    const heir = await send("POST", `${service.url}/profiles`, { ...valid(), handle: profile.handle });
    expect(heir.status).toBe(201);
    const again = await send("POST", `${service.url}/profiles`, { ...profile, handle: uniqueName("h") });
    expect([again.status, await again.json()]).toMatchObject([201, { id: profile.id, version: 3 }]);
  });
});

test("a patch that changes nothing makes no new version", async () => {
  const profile = valid();
  const url = `${service.url}/profiles/${profile.id}`;
  await send("POST", `${service.url}/profiles`, profile);
  for (const body of [{}, { displayName: "Ada" }, { bio: null, teamIds: [] }]) {
    const answer = await send("PATCH", url, body);
    expect([answer.status, answer.headers.get("etag")]).toEqual([200, '"1"']);
  }
});

test("twenty patches at once are twenty versions", async () => {
  const profile = valid();
  const url = `${service.url}/profiles/${profile.id}`;
  await send("POST", `${service.url}/profiles`, profile);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => send("PATCH", url, { displayName: `Ada ${n}` })),
  );
  const versions = answers.map(({ headers }) => Number(headers.get("etag")?.slice(1, -1)));
  expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 2));
});

test("a merge patch may say so, and an unknown path is 404", async () => {
  const profile = valid();
  await send("POST", `${service.url}/profiles`, profile);
  const patched = await send(
    "PATCH",
    `${service.url}/profiles/${profile.id}`,
    { bio: "first\nsecond" },
    { "content-type": "application/merge-patch+json" },
  );
  expect(await patched.json()).toMatchObject({ bio: "first\nsecond", version: 2 });
  expect(await problem(send("GET", `${service.url}/nothing`))).toMatchObject({
    status: 404,
    errors: [{ field: "path", remedy: expect.stringContaining("/docs") as string }],
  });
});

test("operators' paths are on the internal port alone", async () => {
  for (const path of ["/metrics", "/health/live", "/health/ready"]) {
    expect((await send("GET", service.internalUrl + path)).status).toBe(200);
    expect((await send("GET", service.url + path)).status).toBe(404);
  }
  expect(await (await send("GET", `${service.internalUrl}/metrics`)).text()).toMatch(
    /^freshet_outbox_rows \d+$/m,
  );
});
