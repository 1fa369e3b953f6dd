import { createTopology, parseNodeList, parseNodeLists } from "@freshet/cache";
import { type Environment, poolNodes } from "@freshet/config";
import type { Pools } from "@freshet/contracts";
import type { PoolFacts } from "../lag-report.ts";
import { type Finding, ok, orOk, problem, warning } from "./finding.ts";

/** The node lists of one pool as pools.yaml and this environment have them. */
export interface PoolLists {
  readonly pool: string;
  /** `host:port` of the current list. */
  readonly nodes: readonly string[];
  /** Nodes of earlier lists that the current one does not have. */
  readonly former: readonly string[];
  /** Hash of the current list, as commits and metrics bear it. */
  readonly topology: string;
  readonly previous: readonly string[];
  readonly dedicated: boolean;
}

/**
 * The lists that this environment gives a process.
 * @throws FreshetError CACHE_NODES_INVALID
 */
export function listsOf(pools: Pools, environment: Environment): PoolLists[] {
  const given = poolNodes(environment);
  return Object.entries(pools).map(([pool, settings]) => {
    const { nodes = settings.nodes, previousNodes } = given(pool);
    const current = createTopology(settings.nodeOf, parseNodeList(nodes));
    const previous = (
      previousNodes === undefined ? settings.previousNodes.map(parseNodeList) : parseNodeLists(previousNodes)
    ).map((list) => createTopology(settings.nodeOf, list));
    const names = current.nodes.map(({ name }) => name);
    const former = previous.flatMap((list) => list.nodes.map(({ name }) => name));
    return {
      pool,
      nodes: names,
      former: [...new Set(former)].filter((name) => !names.includes(name)),
      topology: current.hash,
      previous: previous.map(({ hash }) => hash),
      dedicated: settings.dedicated,
    };
  });
}

/** Pools that the environment names and no pools.yaml does: a variable with a slip of the pen is read by nobody. */
export function judgeVariables(pools: Pools, environment: Environment): Finding[] {
  const known = new Set(Object.keys(pools).map((pool) => pool.toUpperCase().replaceAll("-", "_")));
  return Object.keys(environment).flatMap((name) => {
    const [, pool] = /^MEMCACHED_([A-Z0-9_]+?)(?:_PREVIOUS)?$/.exec(name) ?? [];
    return pool === undefined || known.has(pool) || (environment[name] ?? "") === ""
      ? []
      : [
          warning(
            "node lists",
            name,
            "no pool of pools.yaml bears this name: nobody reads this variable",
            `name one of ${[...known].map((each) => `MEMCACHED_${each}`).join(", ")}, or remove it`,
          ),
        ];
  });
}

/** Where somebody was seen to work under a node list. */
export interface SeenTopology {
  readonly pool: string;
  readonly topology: string;
  readonly by: string;
}

/** The lists under which a group has committed. */
export function committedTopologies(facts: readonly PoolFacts[]): SeenTopology[] {
  return facts.flatMap(({ pool, group, partitions }) =>
    [...new Set(partitions.flatMap(({ metadata }) => (metadata === undefined ? [] : [metadata.topo])))].map(
      (topology) => ({ pool, topology, by: `commits of ${group.groupId}` }),
    ),
  );
}

/** Whether everybody puts a key on the same node. Pure. */
export function judgeTopologies(lists: readonly PoolLists[], seen: readonly SeenTopology[]): Finding[] {
  return lists.flatMap(({ pool, topology, previous, nodes }) => {
    const mine = seen.filter((each) => each.pool === pool);
    const others = mine.filter((each) => each.topology !== topology);
    const found = others.map(({ topology: other, by }) =>
      previous.includes(other)
        ? warning(
            "node lists",
            `pool ${pool}`,
            `${by}: still ${other}, an earlier list; here ${topology}`,
            "finish the change of the list: docs/cache-protocol.md has its order",
          )
        : problem(
            "node lists",
            `pool ${pool}`,
            `${by}: ${other}, and here it is ${topology} (${nodes.join(",")}): keys are looked for on one node and deleted on another`,
            `give both the same MEMCACHED_${pool.toUpperCase().replaceAll("-", "_")} and nodeOf, in the order of docs/cache-protocol.md`,
          ),
    );
    const agreeing = mine.filter((each) => each.topology === topology).map(({ by }) => by);
    const says =
      agreeing.length === 0
        ? `${topology}: nobody else was asked, or has committed yet`
        : `${topology} here and in ${agreeing.join(", ")}`;
    return orOk(found, ok("node lists", `pool ${pool}`, says));
  });
}
