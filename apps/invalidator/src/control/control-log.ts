import { EventEmitter, once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { FreshetError } from "@freshet/contracts";
import { type ControlRecord, decodeControl, encodeControl } from "@freshet/inspect";
import { type EventPublisher, RecordReader } from "@freshet/kafka";
import type { Admin, Kafka } from "kafkajs";

const fetch = { maxWaitMs: 1_000, maxBytesPerPartition: 64 * 1_024 };
/** How soon a replica notices that the topic was made: at the first pause of a deployment. */
const missingMs = 3_000;
const retryMs = 1_000;
/** Without an answer for so long nothing counts as paused. */
const patienceMs = 10_000;
const stopMs = 1_000;
/** How long an answer waits for what was told before it. */
const readToEndMs = 5_000;

interface ControlLogOptions {
  readonly kafka: Kafka;
  readonly publisher: EventPublisher;
  /** `controlTopic(deployment)`. */
  readonly topic: string;
  readonly onRecord: (record: ControlRecord) => void;
  /** The first reading has come to the end, or was given up. */
  readonly onKnown: () => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Reads the control topic from its beginning, for as long as the process lives, and writes to it. The topic is made
 * with the first word: until then there is nothing to say.
 */
export class ControlLog {
  readonly #options: ControlLogOptions;
  readonly #admin: Admin;
  readonly #reader: RecordReader;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #exists = false;
  #isKnown = false;
  /** Everything before it has been applied. */
  #applied = 0n;
  #made = new AbortController();
  readonly #moved = new EventEmitter();

  constructor(options: ControlLogOptions) {
    this.#options = options;
    this.#admin = options.kafka.admin({ retry: { retries: 1 } });
    this.#reader = new RecordReader(options.kafka);
  }

  /** Begins to read; returns at once. */
  start(): void {
    this.#running ??= this.#run(Date.now());
  }

  /**
   * Resolves when the broker has it; every replica reads it within a second, this one too; the first word of a
   * deployment, which makes the topic, the others read within four.
   * @throws FreshetError KAFKA_PUBLISH_FAILED, KAFKA_UNREACHABLE
   */
  async write(record: ControlRecord): Promise<void> {
    const { publisher, topic } = this.#options;
    try {
      if (!this.#exists) await this.#create();
    } catch (cause) {
      throw new FreshetError("KAFKA_UNREACHABLE", `${topic} could not be made: ${String(cause)}`, { cause });
    }
    await publisher.publish([{ topic, ...encodeControl(record) }]);
  }

  /**
   * Resolves when everything that the deployment has been told until now is applied here: what another replica was
   * told a moment ago, too.
   * @throws FreshetError KAFKA_UNREACHABLE
   */
  async readToEnd(): Promise<void> {
    const { topic } = this.#options;
    try {
      if (!(await this.#isThere())) return;
      this.#made.abort();
      const [bounds] = await this.#admin.fetchTopicOffsets(topic);
      const end = BigInt(bounds?.high ?? 0);
      const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(readToEndMs)]);
      while (this.#applied < end) await once(this.#moved, "moved", { signal });
    } catch (cause) {
      throw new FreshetError("KAFKA_UNREACHABLE", `${topic} could not be read: ${String(cause)}`, { cause });
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    const bound = new AbortController();
    const waited = delay(stopMs, undefined, { signal: bound.signal }).catch(() => undefined);
    await Promise.race([this.#running, waited]);
    bound.abort();
  }

  async #run(startedMs: number): Promise<void> {
    while (!this.#isStopped()) {
      try {
        await Promise.all([this.#admin.connect(), this.#reader.connect()]);
        await this.#read();
      } catch (error) {
        if (this.#isStopped()) break;
        this.#exists = false;
        this.#options.onFailure(error);
        if (Date.now() - startedMs > patienceMs) this.#known();
        await this.#wait(retryMs);
      }
    }
    await Promise.allSettled([this.#admin.disconnect(), this.#reader.close()]);
  }

  async #read(): Promise<void> {
    const { topic, onRecord } = this.#options;
    while (!this.#isStopped() && !(await this.#isThere())) {
      this.#known();
      this.#made = new AbortController();
      await this.#wait(missingMs, this.#made.signal);
    }
    if (this.#isStopped()) return;
    const [bounds] = await this.#admin.fetchTopicOffsets(topic);
    this.#applied = BigInt(bounds?.low ?? 0);
    while (!this.#isStopped()) {
      const [found] = await this.#reader.read([{ topic, partition: 0, offset: this.#applied }], fetch);
      if (found === undefined) continue;
      for (const message of found.messages) {
        const record = decodeControl(message);
        if (record) onRecord(record);
      }
      this.#applied = found.next;
      this.#moved.emit("moved");
      if (this.#applied >= found.high) this.#known();
    }
  }

  async #isThere(): Promise<boolean> {
    this.#exists ||= (await this.#admin.listTopics()).includes(this.#options.topic);
    return this.#exists;
  }

  /** Another replica may make it at the same time: then it is there, and that is all that is wanted. */
  async #create(): Promise<void> {
    const { topic } = this.#options;
    await this.#admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic,
          numPartitions: 1,
          replicationFactor: -1,
          configEntries: [{ name: "cleanup.policy", value: "compact" }],
        },
      ],
    });
    for (let attempt = 1; ; attempt += 1)
      try {
        await this.#admin.fetchTopicOffsets(topic);
        break;
      } catch (error) {
        if (attempt === 20) throw error;
        await delay(100 * attempt);
      }
    this.#exists = true;
    this.#made.abort();
  }

  #known(): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#options.onKnown();
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  #wait(ms: number, unless = this.#stopped.signal): Promise<void> {
    const signal = AbortSignal.any([this.#stopped.signal, unless]);
    return delay(ms, undefined, { signal }).catch(() => undefined);
  }
}
