import { FreshetError, type Pool } from "@freshet/contracts";
import type { PoolGraph } from "@freshet/dependency-graph";
import type { PartitionPosition } from "@freshet/kafka";
import { FreshetServer } from "@freshet/kafka/nest";
import type { LoadedManifests } from "./manifests/load.ts";
import { PoolPipeline, type Shared } from "./pool-pipeline.ts";

/** The pools that this process serves, as the manifests in force have them. */
export class PoolPipelines {
  /** Reads for every pool. */
  readonly server = new FreshetServer();
  readonly #shared: Shared;
  readonly #byName = new Map<string, PoolPipeline>();
  #isWatching = false;
  #manifests: LoadedManifests | undefined;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** What is served now; undefined before the first `apply`. */
  get manifests(): LoadedManifests | undefined {
    return this.#manifests;
  }

  get all(): readonly PoolPipeline[] {
    return [...this.#byName.values()];
  }

  /** What is read now. */
  get topics(): ReadonlySet<string> {
    return new Set(this.all.flatMap(({ consumer }) => consumer.topics));
  }

  /**
   * What a stop leaves, pool by pool: the first record of each partition that is read again. What a paused pool holds
   * is to wait: no stop could have done it.
   */
  get unfinished(): { unfinished: Record<string, string[]> } | undefined {
    const pools = this.all.filter(
      ({ consumer, pausedSinceMs }) => consumer.unfinished.length > 0 && pausedSinceMs === undefined,
    );
    if (pools.length === 0) return undefined;
    const position = ({ topic, partition, position }: PartitionPosition) =>
      `${topic}/${partition}@${position}`;
    return {
      unfinished: Object.fromEntries(
        pools.map(({ name, consumer }) => [name, consumer.unfinished.map(position)]),
      ),
    };
  }

  /** The pool of a batch. */
  ofGroup(groupId: string): PoolPipeline {
    const pipeline = this.all.find(({ consumer }) => consumer.groupId === groupId);
    if (pipeline === undefined) throw new Error(`no pool has the consumer group ${groupId}`);
    return pipeline;
  }

  /**
   * Serves what these manifests say, in place of what is served now. A pool whose settings in pools.yaml changed is
   * closed and opened again: its offsets and what its nodes have missed stand in its commits. Either all of it is
   * taken or, when it throws, nothing.
   * @throws FreshetError CACHE_NODES_INVALID, MANIFEST_INVALID for a pool that pools.yaml does not list
   */
  async apply(manifests: LoadedManifests): Promise<void> {
    const { graph, pools } = manifests;
    const served = this.#served(pools).map((name) => [name, graph.pool(name)] as const);
    const wanted = new Map(served.filter(([, { topics }]) => topics.length > 0)); // else no view lives there
    const opened = [...wanted].flatMap(([name, poolGraph]) => {
      const settings = pools[name];
      const current = this.#byName.get(name);
      const isKept = settings === undefined || (current !== undefined && isSame(current.settings, settings));
      return isKept ? [] : [this.#open(name, settings, poolGraph)];
    });
    const replaced = new Set(opened.map(({ name }) => name));
    const closed = this.all.filter(({ name }) => replaced.has(name) || !wanted.has(name));
    await Promise.all(closed.map((pipeline) => this.#close(pipeline)));
    await Promise.all(
      this.all.map(async (pipeline) => {
        const poolGraph = wanted.get(pipeline.name);
        if (poolGraph) await pipeline.adopt(poolGraph);
      }),
    );
    for (const pipeline of opened) {
      this.#byName.set(pipeline.name, pipeline);
      this.server.add(pipeline.consumer);
      if (this.#isWatching) pipeline.watch.start();
    }
    this.#manifests = manifests;
  }

  /** Begins to probe the nodes. */
  watchNodes(): void {
    this.#isWatching = true;
    for (const { watch } of this.all) watch.start();
  }

  /** Probes no node any more, and gives up what is being caught up: its marks stay. */
  async stopWatching(): Promise<void> {
    this.#isWatching = false;
    await Promise.all(this.all.map(({ watch }) => watch.stop()));
  }

  /** Ends the connections to memcached, after the server has stopped. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((pipeline) => pipeline.close()));
  }

  #served(pools: LoadedManifests["pools"]): readonly string[] {
    const served = this.#shared.config.pools ?? Object.keys(pools);
    const missing = served.find((name) => !Object.hasOwn(pools, name));
    if (missing === undefined) return served;
    throw new FreshetError("MANIFEST_INVALID", `POOLS names ${missing}, which pools.yaml does not list`);
  }

  #open(name: string, settings: Pool, graph: PoolGraph): PoolPipeline {
    return new PoolPipeline(name, settings, graph, this.#shared);
  }

  async #close(pipeline: PoolPipeline): Promise<void> {
    await this.server.remove(pipeline.consumer);
    this.#byName.delete(pipeline.name);
    await pipeline.close();
  }
}

function isSame(one: Pool, other: Pool): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
