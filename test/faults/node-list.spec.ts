import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkCache, untilQuiet } from "../support/checker.ts";
import { ownDir, ownMemcachedNode } from "../support/own-servers.ts";
import { System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

const manifestsDir = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));

type NodeList = readonly string[];

/** The node lists of the pool profiles that a process tells of: topology → current or previous. */
async function listsOf(url: string): Promise<Record<string, string>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = text.matchAll(/^freshet_topology_info\{pool="profiles",topology="(\w+)",list="(\w+)"\} 1$/gm);
  return Object.fromEntries([...found].map(([, topology = "", list = ""]) => [topology, list]));
}

test("a node list that grows, shrinks again and has a node replaced under load leaves no value old", async () => {
  await using system = await System.create();
  const [a = "", b = ""] = system.nodeAddresses;
  const c = (await ownMemcachedNode()).address;
  const folder = join(ownDir(), "manifests");
  cpSync(manifestsDir, folder, { recursive: true });
  const previous: NodeList[] = [];
  const writePools = (nodes: NodeList) => {
    const pools = {
      profiles: { nodes, previousNodes: previous },
      teams: { nodes: [system.teamsNode.address] },
    };
    writeFileSync(join(folder, "pools.yaml"), JSON.stringify({ freshet: 1, pools }));
  };
  const environmentOf = (nodes: NodeList) => ({
    MEMCACHED_PROFILES: nodes.join(","),
    MEMCACHED_PROFILES_PREVIOUS: previous.map((list) => list.join(",")).join(";"),
  });
  let current: NodeList = [a, b];
  writePools(current);
  let [writer, reader] = await Promise.all([system.startService(), system.startService()]);
  // Its lists come from pools.yaml, which it reads again when it changes.
  const env = { MANIFESTS_DIR: folder, MEMCACHED_PROFILES: "" };
  const invalidator = await system.startInvalidator({ env });
  const lists = await listsOf(`http://${system.internalAddress}`);
  expect(Object.values(lists)).toEqual(["current"]);
  expect(await listsOf(invalidator.url)).toEqual(lists);

  const writes = new Traffic(() => writer.url, { profiles: 20, seed: 7 });
  await writes.createAll();
  let isLoaded = true;
  let rounds = 0;
  const load = async () => {
    while (isLoaded) {
      await writes.run(20);
      await writes.readAll();
      rounds += 1;
    }
  };
  const anotherRound = async () => {
    const before = rounds;
    await waitFor(() => rounds >= before + 2, { timeoutMs: 30_000, describe: "a whole round of load" });
  };
  const reads = async () => {
    while (isLoaded)
      for (const path of writes.paths) await fetch(`${reader.url}/${path}`).then((answer) => answer.text());
  };
  const busy = Promise.all([load(), reads()]);

  for (const nodes of [
    [a, b, c],
    [a, b],
    [c, b],
  ]) {
    const [former = ""] = Object.entries(await listsOf(invalidator.url)).flatMap(([topology, list]) =>
      list === "current" ? [topology] : [],
    );
    previous.push(current);
    current = nodes;
    writePools(nodes);
    await waitFor(async () => (await listsOf(invalidator.url))[former] === "previous", {
      timeoutMs: 30_000,
      describe: `the invalidator to delete by ${nodes.join(",")} as well`,
    });
    const env = environmentOf(nodes);
    const [nextWriter, nextReader] = await Promise.all([
      system.startService({ env }),
      system.startService({ env }),
    ]);
    // One after the other, and each takes over before the former one ends, so that no request fails.
    const formers = [writer, reader];
    writer = nextWriter;
    await anotherRound();
    reader = nextReader;
    await anotherRound();
    await Promise.all(formers.map((former) => former.stop()));
  }
  isLoaded = false;
  await busy;
  await untilQuiet(system);
  const { brokers, databaseUrl, groups, topic, teamsNode } = system;
  const verdict = await checkCache({
    brokers,
    databaseUrl,
    groups,
    topic,
    teamsNode,
    nodeAddresses: [a, b, c],
  });
  expect(verdict.violations).toEqual([]);
  expect(verdict.values).toBeGreaterThan(20);
});
