import { expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { untilQuiet } from "../support/checker.ts";
import { uniqueName } from "../support/names.ts";
import { System } from "../support/system.ts";

test("no log line shows a handle, a name or a bio, whatever fails; each failure names the route and the profile, and a trace leads from a request to its invalidation", async () => {
  await using system = await System.create();
  const trace = { env: { LOG_LEVEL: "trace" } };
  const [service, invalidator] = await Promise.all([
    system.startService({ env: { ...trace.env, WRITER_DELETE: "on" } }),
    system.startInvalidator(trace),
  ]);
  const marker = uniqueName("marker");
  const send = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  const id = uniqueName("p");
  const personal = { handle: `${marker}-handle`, displayName: `${marker} name`, bio: `${marker} bio` };
  expect(await send("POST", "/profiles", { id, ...personal })).toBe(201);
  expect(await send("GET", `/profiles/by-handle/${personal.handle}`)).toBe(200);
  expect(await send("GET", `/profiles/by-handle/${personal.handle}`)).toBe(200);
  expect(await send("POST", "/profiles", { ...personal })).toBe(409);
  expect(await send("POST", "/profiles", { ...personal, displayName: `${marker}\u001b[2J` })).toBe(400);
  expect(await send("GET", `/profiles/${marker}%1b%5B2J`)).toBe(400);
  // PostgreSQL's error bears the whole row, drizzle's the parameters of the statement.
  await query(
    system.databaseUrl,
    "ALTER TABLE profiles ADD CONSTRAINT no_more CHECK (version < 2) NOT VALID",
  );
  expect(await send("PATCH", `/profiles/${id}`, { bio: `${marker} changed` })).toBe(500);
  await query(system.databaseUrl, "ALTER TABLE profiles DROP CONSTRAINT no_more");
  for (const node of [...system.nodes, system.teamsNode]) await node.kill();
  expect(await send("PATCH", `/profiles/${id}`, { bio: `${marker} changed`, teamIds: ["t1"] })).toBe(200);
  for (const node of [...system.nodes, system.teamsNode]) await node.start();
  await untilQuiet(system);

  const change = async (bio: string, headers: Record<string, string>) => {
    const changed = await fetch(`${service.url}/profiles/${id}`, {
      method: "PATCH",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ bio: `${marker} ${bio}` }),
    });
    expect(changed.status).toBe(200);
    await untilQuiet(system);
    const version = Number(changed.headers.get("etag")?.replaceAll('"', ""));
    const [, traceId] =
      new RegExp(
        `"traceId":"([0-9a-f]{32})".*"entity":"${id}","version":${version},.*"change committed"`,
      ).exec(service.log()) ?? [];
    expect(invalidator.log()).toMatch(
      new RegExp(
        `"traceId":"${traceId}","topic":"${system.topic}","partition":\\d+,"offset":"\\d+",.*"entity":"${id}","version":${version},.*"event invalidated"`,
      ),
    );
    return traceId;
  };
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  expect(await change("traced", { traceparent: `00-${traceId}-00f067aa0ba902b7-01` })).toBe(traceId);
  // A request that brings none gets one, and two requests have two.
  const own = [await change("once", {}), await change("again", {})];
  expect(new Set([traceId, ...own]).size).toBe(3);

  const logs = service.log() + invalidator.log();
  expect(logs).toMatch(
    /"traceId":"[0-9a-f]{32}","method":"PATCH","route":"\/profiles\/:id","entity":"[^"]+".*no_more.*"a request failed"/,
  );
  expect(logs).toMatch(new RegExp(`"entity":"${id}".*own keys not deleted`));
  expect(logs).not.toContain(marker);
  expect(logs).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});
