import { FreshetError } from "@freshet/contracts";
import { type ExplainAccess, explainKey, type Explanation } from "@freshet/inspect";
import { RecordReader } from "@freshet/kafka";
import type { Kafka } from "kafkajs";
import type { InvalidatorConfig } from "../config.ts";
import type { PoolPipelines } from "../pools.ts";

/** What a question may take in each of its steps, in ms. */
const timeoutMs = 3_000;
/** Questions at once: the port is open to everybody who reaches it, and each reads thousands of records. */
const mostAtOnce = 2;

/** Explains keys for the read-only port, with clients of its own that are connected at the first question. */
export class Explainer {
  readonly #config: InvalidatorConfig;
  readonly #pools: PoolPipelines;
  readonly #admin: ReturnType<Kafka["admin"]>;
  readonly #reader: RecordReader;
  #running = 0;

  constructor(config: InvalidatorConfig, pools: PoolPipelines, kafka: Kafka) {
    this.#config = config;
    this.#pools = pools;
    this.#admin = kafka.admin();
    this.#reader = new RecordReader(kafka);
  }

  /**
   * Undefined: too many ask at once.
   * @throws FreshetError CACHE_KEY_INVALID, POOL_UNKNOWN for what no view can have; KAFKA_UNREACHABLE
   */
  async explain(key: string, pool: string | undefined): Promise<Explanation | undefined> {
    const { manifests } = this.#pools;
    if (this.#running >= mostAtOnce || manifests === undefined) return undefined;
    this.#running += 1;
    try {
      await Promise.all([this.#admin.connect(), this.#reader.connect()]).catch((cause: unknown) => {
        throw new FreshetError("KAFKA_UNREACHABLE", String(cause), { cause });
      });
      return await explainKey(this.#access(manifests), key, pool);
    } finally {
      this.#running -= 1;
    }
  }

  /** Gives up the connections. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#admin.disconnect(), this.#reader.close()]);
  }

  #access({ graph, pools }: NonNullable<PoolPipelines["manifests"]>): ExplainAccess {
    const { deployment, nodesOf, refresh } = this.#config;
    return {
      graph,
      pool: (name) => {
        const settings = pools[name];
        const { nodes } = nodesOf(name);
        return settings && nodes !== undefined ? { ...settings, nodes: nodes.split(",") } : settings;
      },
      deployment,
      owner: (service) => {
        const url = refresh.serviceUrl(service);
        return url === undefined ? undefined : { url, token: refresh.token };
      },
      admin: this.#admin,
      reader: this.#reader,
      timeoutMs,
    };
  }
}
