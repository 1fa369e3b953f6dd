import { createTopology, parseNodeList } from "@freshet/cache";
import { TextConnection } from "./text-connection.mjs";
import { listKeys } from "../../scripts/local/memcached-inspector.mjs";

/** The memcached nodes of a run, asked by connections of the benchmark's own. */
export class BenchNodes {
  /** @type {ReadonlyMap<string, TextConnection>} */
  #connections;

  /** @param {readonly string[]} nodes host:port */
  constructor(nodes) {
    this.#connections = new Map(nodes.map((node) => [node, new TextConnection(node)]));
  }

  /** host:port of each */
  get names() {
    return [...this.#connections.keys()];
  }

  /**
   * The keys by the node where readers look for them.
   * @param {readonly string[]} keys
   * @param {import("@freshet/cache").NodeOf} [nodeOf]
   */
  owned(keys, nodeOf = "ketama") {
    const topology = createTopology(nodeOf, parseNodeList(this.names));
    /** @type {Map<string, string[]>} */
    const owned = new Map(this.names.map((node) => [node, []]));
    for (const key of keys) owned.get(topology.ownerOf(key).name)?.push(key);
    return owned;
  }

  /**
   * Stores an old value under each key and nothing else, on the node where readers look for it.
   * @param {readonly string[]} keys
   * @param {import("@freshet/cache").NodeOf} [nodeOf]
   */
  async fill(keys, nodeOf) {
    const owned = this.owned(keys, nodeOf);
    await this.#each(async (connection, node) => {
      // Not flush_all, after which the items are counted until somebody asks for them.
      await connection.deleteAll(await listKeys(node));
      await connection.setAll(owned.get(node) ?? [], (key) => `{"vs":{"profile:${key}":1},"d":{"old":true}}`);
    });
    const stored = await this.count();
    if (stored !== keys.length) throw new Error(`memcached holds ${stored} of ${keys.length} keys`);
  }

  /** @returns {Promise<number>} keys on all nodes */
  async count() {
    const counts = await this.#each((connection) => connection.itemCount());
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Which of these keys some node holds now.
   * @param {readonly string[]} keys
   */
  async present(keys) {
    const found = await this.#each((connection) => connection.present(keys));
    return new Set(found.flatMap((some) => [...some]));
  }

  /** @returns {Promise<string[]>} the keys on all nodes */
  async keys() {
    return (await Promise.all([...this.#connections.keys()].map(listKeys))).flat();
  }

  close() {
    for (const connection of this.#connections.values()) connection.close();
  }

  /**
   * @template T
   * @param {(connection: TextConnection, node: string) => Promise<T>} work
   * @returns {Promise<T[]>}
   */
  async #each(work) {
    return await Promise.all([...this.#connections].map(([node, connection]) => work(connection, node)));
  }
}
