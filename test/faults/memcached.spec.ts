import { expect, test } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { Scenario, untilOwed } from "./scenario.ts";

/** Resolves once the invalidator sends the node nothing any more. */
async function untilAway({ invalidator }: Scenario, node: string): Promise<void> {
  const away = `freshet_node_up{pool="profiles",node="${node}"} 0\n`;
  await waitFor(async () => (await (await fetch(`${invalidator.url}/metrics`)).text()).includes(away), {
    describe: `${node} to be found away`,
  });
}

test.concurrent(
  "a node is restarted under changes and reads: no request fails, and no value on it is old",
  async () => {
    await using scenario = await Scenario.begin();
    const { system, traffic } = scenario;
    const [node] = system.nodes;
    const busy = Promise.all([1, 2, 3].map(() => traffic.run(40)));
    await node.kill();
    await untilAway(scenario, node.address);
    for (const { failed } of await busy) expect(failed).toBe(0);
    await node.start();
    // The invalidator sends it nothing before its next probe: what is filled there and changed until then is owed.
    await traffic.cacheAll();
    expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
    await scenario.expectHealed();
  },
);

test.concurrent(
  "a node is away for longer than is replayed: the others are served, it is flushed, and what it is filled with is not old",
  async () => {
    await using scenario = await Scenario.begin({ invalidator: { env: { CATCH_UP_EVENTS: "0" } } });
    const { system, traffic } = scenario;
    const [node] = system.nodes;
    // Frozen, since one that was killed would come back empty, and need no flush.
    node.pause();
    await untilAway(scenario, node.address);
    await traffic.touchAll();
    await untilOwed(scenario, node.address);
    expect(await traffic.run(40)).toMatchObject({ failed: 0 });
    node.resume();
    const busy = Promise.all([1, 2, 3].map(() => traffic.run(40)));
    for (const { failed } of await busy) expect(failed).toBe(0);
    await scenario.expectHealed();
    const flushed = `freshet_nodes_flushed_total{pool="profiles",node="${node.address}",reason="node_was_away"} 1\n`;
    expect(await (await fetch(`${scenario.invalidator.url}/metrics`)).text()).toContain(flushed);
  },
);

test.concurrent(
  "deletes that the network swallows are owed: a value that they missed does not stay old",
  async () => {
    // One profile, hence one batch: deletes of a later one would be owed anyway, and their replay hides what was not.
    await using scenario = await Scenario.begin({ proxied: true, profiles: 1 });
    const { system, traffic } = scenario;
    const proxies = system.proxies ?? [];
    for (const proxy of proxies) proxy.mode = "black-hole";
    await traffic.touchAll();
    await untilOwed(scenario, ...proxies.map(({ address }) => address));
    expect(await scenario.oldValues()).toBeGreaterThan(0);
    for (const proxy of proxies) proxy.mode = "forward";
    await scenario.expectHealed();
  },
);

test.concurrent(
  "a node that was frozen comes back with old values and loses them and no others, even if the invalidator died meanwhile",
  async () => {
    await using scenario = await Scenario.begin();
    const { system, invalidator, traffic } = scenario;
    const [node] = system.nodes;
    // Nobody has changed it: a flush would cost it.
    const [untouched, value] = [
      "user_profile:nobody",
      JSON.stringify({ vs: { "profile:nobody": 0 }, d: null }),
    ];
    await writeKey(node.address, untouched, value);
    node.pause();
    // Deletes that were sent to it would wait in its sockets and be executed late: now none is sent.
    await untilAway(scenario, node.address);
    await traffic.touchAll();
    await untilOwed(scenario, node.address);
    await invalidator.kill();
    node.resume();
    expect(await scenario.oldValues()).toBeGreaterThan(0);

    await invalidator.start();
    await scenario.expectHealed();
    expect(await readKey(node.address, untouched)).toBe(value);
  },
);
