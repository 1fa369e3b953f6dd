import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openApi } from "../../../apps/profile-service/src/http/openapi.ts";
import { uniqueName } from "../../support/names.ts";
import { send, startService } from "./harness.ts";

let service: Awaited<ReturnType<typeof startService>>;
beforeAll(async () => {
  service = await startService();
});
afterAll(async () => {
  await service.close();
});

const type = "content-type";
const json = { [type]: "application/json" };

describe("a body that is not taken is named with what it must be", () => {
  test.each([
    ["70,000 bytes", 413, JSON.stringify({ bio: "x".repeat(70_000) }), json, /65,536/],
    ["broken JSON", 400, "{", json, /must be JSON/],
    ["nothing", 400, "", json, /is empty/],
    ["__proto__", 400, '{"__proto__":{"admin":true}}', json, /without __proto__/],
    ["XML", 415, "<profile/>", { [type]: "application/xml" }, /must be application\/json/],
  ] as const)("%s", async (_, status, body, headers, remedy) => {
    const answer = await send("POST", `${service.url}/profiles`, body, headers);
    expect(answer.headers.get(type)).toMatch(/^application\/problem\+json/);
    expect([answer.status, await answer.json()]).toMatchObject([
      status,
      { status, errors: [{ field: "body", remedy: expect.stringMatching(remedy) as string }] },
    ]);
  });
});

describe("every path of the OpenAPI document", () => {
  const paths = Object.entries(openApi()["paths"] as Record<string, Record<string, unknown>>);

  test.each(paths)(
    "%s has the methods that it names, and refuses the others with 405",
    async (path, operations) => {
      const url = service.url + path.replaceAll(/\{\w+\}/g, uniqueName("x"));
      const named = Object.keys(operations).map((method) => method.toUpperCase());
      const all = named.includes("GET") ? [...named, "HEAD"] : named;
      for (const method of ["DELETE", "GET", "PATCH", "POST", "PUT", "OPTIONS", "QUERY"]) {
        const answer = await send(method, url);
        expect(answer.status === 405).toBe(!all.includes(method));
        if (answer.status !== 405) continue;
        expect(answer.headers.get("allow")).toBe(all.sort().join(", "));
        expect(answer.headers.get(type)).toMatch(/^application\/problem\+json/);
        expect(await answer.json()).toMatchObject({ status: 405, errors: [{ field: "method" }] });
      }
    },
  );

  test.each(["PUT", "QUERY"])("%s is refused before its body is looked at", async (method) => {
    const answer = await send(method, `${service.url}/profiles`, "{", json);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  });

  test("/docs shows it, and /docs/json is it", async () => {
    const page = await send("GET", `${service.url}/docs`);
    expect(page.headers.get(type)).toMatch(/^text\/html/);
    const html = await page.text();
    for (const [, source = ""] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const part = await send("GET", service.url + source);
      expect([part.status, (await part.text()).length > 20]).toEqual([200, true]);
    }
    expect(await (await send("GET", `${service.url}/docs/json`)).json()).toEqual(openApi());
  });
});

test("what an address asks beyond its limit is 429 with Retry-After, and the internal port has no limit", async () => {
  await using limited = await startService({ requestsPerMinute: 3, trustedProxies: "127.0.0.1" });
  const read = (address: string) =>
    send("GET", `${limited.url}/profiles/42`, undefined, { "x-forwarded-for": address });
  const answers = [];
  while (answers.length < 4) answers.push(await read("192.0.2.1"));
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 429]);
  const [refused] = answers.slice(3);
  expect(refused?.headers.get(type)).toMatch(/^application\/problem\+json/);
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refused?.json()).toMatchObject({
    status: 429,
    detail: expect.stringMatching(/again in \d+ s$/) as string,
  });
  expect((await read("192.0.2.2")).status).toBe(404);
  for (let asked = 0; asked < 5; asked += 1)
    expect((await send("GET", `${limited.internalUrl}/health/live`)).status).toBe(200);
});
