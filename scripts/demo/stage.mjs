import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { kafkaAdmin } from "../local/kafka-admin.mjs";
import { readKey, secondsLeft } from "../local/memcached-inspector.mjs";
import { query } from "../local/postgres.mjs";
import { NotSeen } from "./timeline.mjs";

const CRASH_AT_STEP = fileURLToPath(new URL("../../test/support/crash-at.mjs", import.meta.url));
/** Between the commit of the change and its publishing. */
const CRASH_STEP = "freshet:outbox.claimed";
const REQUEST_TIMEOUT_MS = 5_000;

/** @typedef {{ status: number, cache: string | null, displayName: string | undefined }} Answer */

/** What the story acts on and looks at: the service over HTTP, and behind its back every server directly. */
export class Stage {
  /** @type {import("../local/sandbox.mjs").Sandbox} */
  #sandbox;
  /** @type {AbortSignal} */
  #signal;
  /** @type {string} */
  #crashFile;

  /**
   * @param {import("../local/sandbox.mjs").Sandbox} sandbox
   * @param {{ signal: AbortSignal, invalidatorEntry?: string | undefined }} options
   */
  constructor(sandbox, { signal, invalidatorEntry }) {
    this.#sandbox = sandbox;
    this.#signal = signal;
    this.#crashFile = join(sandbox.dir, "crash-now");
    this.profileService = sandbox.profileService({
      nodeArgs: ["--import", CRASH_AT_STEP],
      env: { CRASH_AT: CRASH_STEP, CRASH_WHEN: this.#crashFile },
    });
    this.invalidator = sandbox.invalidator(invalidatorEntry ? { entry: invalidatorEntry } : {});
  }

  get nodes() {
    return this.#sandbox.memcachedNodes;
  }

  /** @param {import("../local/server-process.mjs").ServerProcess} app */
  async start(app) {
    await app.start(this.#signal);
  }

  /**
   * One request to profile-service on a connection of its own.
   * @param {"GET" | "POST" | "PATCH"} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<Answer>}
   */
  async request(method, path, body) {
    const response = await fetch(`${this.#sandbox.serviceUrl}${path}`, {
      method,
      headers: { connection: "close", ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    });
    /** @type {{ displayName?: string }} */
    const { displayName } = await response.json();
    return { status: response.status, cache: response.headers.get("x-cache"), displayName };
  }

  /**
   * The display name that a node holds under a key: "absent", or what it holds when that is no profile.
   * @param {string} node
   * @param {string} key
   * @returns {Promise<string>}
   */
  async nameOn(node, key) {
    const text = await readKey(node, key);
    if (text === undefined) return "absent";
    /** @type {{ d?: { displayName?: string } | null }} */
    const value = JSON.parse(text);
    return value.d?.displayName ?? text;
  }

  /**
   * @param {string} node
   * @param {string} key
   */
  async secondsLeft(node, key) {
    return await secondsLeft(node, key);
  }

  /**
   * The row as PostgreSQL has it, and when the transaction that wrote it committed, in ms since 1970.
   * @param {string} id
   */
  async row(id) {
    /** @type {{ rows: { displayName: string, version: number, committedMs: number }[] }} */
    const { rows } = await query(
      this.#sandbox.databaseUrl,
      `SELECT display_name AS "displayName", version::int,
         (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS "committedMs"
       FROM profiles WHERE id = '${id}'`,
    );
    if (!rows[0]) throw new NotSeen(`profile ${id} in PostgreSQL`, "no row");
    return rows[0];
  }

  /** @returns {Promise<number>} events that wait in the outbox */
  async outboxRows() {
    const { rowCount } = await query(this.#sandbox.databaseUrl, "SELECT FROM outbox_events");
    return rowCount ?? 0;
  }

  /** @returns {Promise<number>} events in the topic */
  async published() {
    const { brokers, topic } = this.#sandbox;
    const partitions = await kafkaAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic));
    return partitions.reduce((sum, { high }) => sum + Number(high), 0);
  }

  /** profile-service dies as by kill -9 at its next claim: after a commit, before the event is published. */
  armCrash() {
    writeFileSync(this.#crashFile, `${CRASH_STEP} 1`);
  }

  /**
   * Looks until it sees `wanted`; answers the milliseconds that took.
   * @template T
   * @param {string} expected as it reads after "expected"
   * @param {() => Promise<T>} look
   * @param {T} wanted
   * @param {number} timeoutMs
   * @returns {Promise<number>}
   * @throws NotSeen
   */
  async until(expected, look, wanted, timeoutMs) {
    const started = performance.now();
    for (;;) {
      this.#signal.throwIfAborted();
      const saw = await look();
      const ms = performance.now() - started;
      if (saw === wanted) return ms;
      if (ms > timeoutMs) throw new NotSeen(`${expected} within ${timeoutMs} ms`, String(saw));
      await pause(1);
    }
  }
}
