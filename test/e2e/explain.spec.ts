// `freshet explain` and GET /explain on real servers: a fresh value, a node that is away, one that owes, a planted old
// value, and a group that nobody reads for.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { groupPartitions, untilQuiet } from "../support/checker.ts";
import { freshet } from "../support/cli.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

const manifests = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));

test("the sentence says what is cached, what was committed, and which step is late", async () => {
  await using system = await System.create();
  const [service, invalidator] = await Promise.all([system.startService(), system.startInvalidator()]);
  const id = uniqueName("explained");
  const key = `user_profile:${id}`;
  const send = async (method: string, path: string, body?: object) => {
    const headers: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(`${service.url}/profiles${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    expect(answer.ok).toBe(true);
    await answer.arrayBuffer();
    return answer;
  };
  const rename = () => send("PATCH", `/${id}`, { displayName: uniqueName("name") });
  const cache = () =>
    waitFor(async () => (await send("GET", `/${id}`)).headers.get("x-cache") === "HIT", {
      timeoutMs: 30_000,
      describe: "a hit",
    });
  const env = {
    ...system.environment,
    DEPLOYMENT: system.deployment,
    MANIFESTS_DIR: manifests,
    SERVICE_URL_PROFILE_SERVICE: `http://${system.internalAddress}`,
  };
  const explained = async () => {
    const { exitCode, stdout } = await freshet(["explain", key, "--json"], { env });
    return {
      exitCode,
      ...(JSON.parse(stdout) as { node: string; verdict: string; sentence: string; since: string }),
    };
  };
  const become = (expected: object) =>
    waitFor(
      async () => {
        expect(await explained()).toMatchObject(expected);
        return true;
      },
      { timeoutMs: 60_000, describe: JSON.stringify(expected) },
    );
  const asked = async (query: string) => {
    const answer = await fetch(`${invalidator.url}/explain${query}`);
    return { status: answer.status, body: (await answer.json()) as { sentence?: string } };
  };

  await send("POST", "", { id, handle: id, displayName: "Ada" });
  await untilQuiet(system);
  expect(await explained()).toMatchObject({ exitCode: 0, verdict: "absent" });
  await cache();
  const fresh = { verdict: "fresh", sentence: "fresh: cached 1, committed 1" };
  const first = await explained();
  expect(first).toMatchObject({ exitCode: 0, ...fresh, events: [{ version: 1, isCommitted: true }] });
  expect(await asked(`?key=${key}`)).toMatchObject({ status: 200, body: { ...fresh, node: first.node } });
  expect(await asked("?key=nobody:42")).toMatchObject({ status: 404 });
  expect(await asked("")).toMatchObject({ status: 400 });
  expect(await asked(`?key=${key}&more=1`)).toMatchObject({ status: 400 });
  expect(await asked(`?key=${"x".repeat(251)}`)).toMatchObject({ status: 400 });

  // The node is frozen: it owes, and nobody can look at it.
  const old = (await readKey(first.node, key)) ?? "";
  const [node] = system.nodes.filter(({ address }) => address === first.node);
  node?.pause();
  await rename();
  await waitFor(
    async () =>
      (await groupPartitions(system, "profiles")).some(
        ({ missed }) => missed !== "*" && Object.hasOwn(missed, first.node),
      ),
    { timeoutMs: 60_000, describe: "a commit that names the node" },
  );
  expect(await explained()).toMatchObject({
    exitCode: 1,
    verdict: "unknown",
    sentence: `unknown, since ${first.node}: no answer in time`,
  });
  // Nobody catches it up when it comes back: readers get what it owes. The delete that was lying in its socket is carried
  // out then, as one that was lost would not be: hence the value is put back.
  await invalidator.kill();
  node?.resume();
  const owed = await waitFor(
    async () => {
      await writeKey(first.node, key, old);
      const found = await explained();
      return found.verdict === "stale" ? found : undefined;
    },
    { timeoutMs: 60_000, describe: "an old value on a node that owes" },
  );
  expect(owed).toMatchObject({ exitCode: 1, late: { step: "node" } });
  expect(owed.sentence).toContain(`because node ${first.node} has not acknowledged since offset`);
  expect(owed.sentence.startsWith(`stale since ${owed.since.slice(11, 19)}, because`)).toBe(true);
  expect(owed.sentence.endsWith(": cached 1, committed 2")).toBe(true);

  // It is caught up by the next invalidator. When that is gone too, nobody reads; a blindly stored older value is then
  // traced to the first event that it lacks, which was acknowledged.
  await invalidator.start();
  await untilQuiet(system);
  await cache();
  await invalidator.kill();
  await rename();
  await become({
    verdict: "stale",
    late: { step: "consume" },
    events: [{ version: 3, isCommitted: false }, {}, {}],
  });
  await writeKey(first.node, key, old);
  expect(await explained()).toMatchObject({ verdict: "stale", late: { step: "acknowledged" } });
});
