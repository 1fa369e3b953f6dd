import { connect } from "node:net";
import { FreshetError } from "@freshet/contracts";
import { type Collect, type Dial, more, NodeConnection } from "./connection.ts";
import {
  type CasAnswer,
  type CasToken,
  checkCas,
  checkKey,
  checkStore,
  checkTtl,
  type DriverOptions,
  keyRefusal,
  type MemcachedDriver,
  type StoredValue,
} from "./driver.ts";
import { type MetaFrame, MetaParser } from "./meta-parser.ts";

const deleteCommandBytes = 7;
const knownCodes = new Set(["VA", "HD", "EN", "NF", "NS", "EX", "OK", "VERSION", "SERVER_ERROR"]);
const lineEnd = Buffer.from("\r\n");
const nothing = Buffer.alloc(0);

/**
 * memcached's meta protocol (1.6 and later). A bulk delete costs the server 0.2–0.4 µs per key instead of the
 * 1.1–1.5 µs of a binary quiet delete that misses. Each command bears its request id as opaque token, so that no
 * answer can be taken for another's.
 */
export class MetaDriver implements MemcachedDriver {
  readonly node: string;
  readonly #connection: NodeConnection<MetaFrame, string | Buffer>;

  constructor(node: { name: string; host: string; port: number }, options: DriverOptions = {}) {
    this.node = node.name;
    this.#connection = new NodeConnection(node.name, options, dial(node.host, node.port));
  }

  get(key: string): Promise<StoredValue | undefined> {
    const refusal = keyRefusal(key);
    if (refusal) return Promise.reject(refusal);
    const id = this.#connection.nextRequestId();
    return this.#connection.send(id, `mg ${key} v c O${id}\r\n`, this.#stored);
  }

  /** One for all gets: a hit makes no closure of its own. */
  readonly #stored = (frame: MetaFrame, epoch: number): StoredValue | undefined => {
    if (frame.code === "EN") return undefined;
    this.#expect("VA", frame);
    return storedValue(frame, epoch);
  };

  async getMany(keys: readonly string[]): Promise<Map<string, StoredValue>> {
    const found = new Map<string, StoredValue>();
    if (keys.length === 0) return found;
    keys.forEach(checkKey);
    await this.#sendQuietly(
      (id) => `mg ${keys.join(" v c k q\r\nmg ")} v c k O${id}\r\n`,
      (frame, epoch) => {
        if (frame.code === "EN") return undefined;
        const refusal = this.#refusal("VA", frame);
        if (!refusal) found.set(frame.key ?? "", storedValue(frame, epoch));
        return refusal;
      },
    );
    return found;
  }

  async add(
    key: string,
    value: Buffer,
    ttlSeconds: number,
  ): Promise<{ readonly stored: true; readonly cas: CasToken } | { readonly stored: false }> {
    checkStore(key, value, ttlSeconds);
    return this.#send(
      (id) => storeCommand(`ms ${key} ${value.length} ME T${ttlSeconds} c O${id}`, value),
      (frame, epoch) => {
        if (frame.code === "NS") return { stored: false };
        this.#expect("HD", frame);
        return { stored: true, cas: { epoch, unique: frame.unique } };
      },
    );
  }

  async cas(key: string, value: Buffer, ttlSeconds: number, token: CasToken): Promise<CasAnswer> {
    checkStore(key, value, ttlSeconds);
    checkCas(token);
    if (token.epoch !== this.#connection.epoch) return "connection_changed";
    return this.#send(
      (id) => storeCommand(`ms ${key} ${value.length} C${token.unique} T${ttlSeconds} O${id}`, value),
      (frame) => {
        if (frame.code === "EX") return "exists";
        if (frame.code === "NF") return "not_found";
        this.#expect("HD", frame);
        return "stored";
      },
    );
  }

  async delete(key: string): Promise<"deleted" | "not_found"> {
    checkKey(key);
    return this.#send(
      (id) => `md ${key} O${id}\r\n`,
      (frame) => {
        if (frame.code === "NF") return "not_found";
        this.#expect("HD", frame);
        return "deleted";
      },
    );
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    for (const key of keys) checkKey(key);
    await this.#connection.sendInChunks(keys, deleteCommandBytes, (chunk) =>
      this.#sendQuietly(
        (id) => `md ${chunk.join(" q\r\nmd ")} O${id}\r\n`,
        // 1.6.18 answers a miss in spite of `q`.
        (frame) => (frame.code === "NF" ? undefined : this.#refusal("HD", frame)),
      ),
    );
  }

  async touch(key: string, ttlSeconds: number): Promise<"touched" | "not_found"> {
    checkKey(key);
    checkTtl(ttlSeconds);
    return this.#send(
      (id) => `mg ${key} T${ttlSeconds} O${id}\r\n`,
      (frame) => {
        if (frame.code === "EN") return "not_found";
        this.#expect("HD", frame);
        return "touched";
      },
    );
  }

  async flushAll(): Promise<void> {
    await this.#send(
      () => "flush_all\r\n",
      (frame) => {
        this.#expect("OK", frame);
      },
    );
  }

  async version(): Promise<string> {
    return this.#send(
      () => "version\r\n",
      (frame) => {
        this.#expect("VERSION", frame);
        return frame.words;
      },
    );
  }

  close(): void {
    this.#connection.close();
  }

  #send<Result>(
    request: (id: number) => string | Buffer,
    collect: Collect<MetaFrame, Result>,
  ): Promise<Result> {
    const id = this.#connection.nextRequestId();
    return this.#connection.send(id, request(id), collect);
  }

  /**
   * Quiet commands but for the last, which alone bears the id: its answer says that all of them were executed.
   * (The answer of a no-op bears no id: one that is left over would acknowledge another batch.)
   */
  #sendQuietly(
    commands: (id: number) => string,
    take: (frame: MetaFrame, epoch: number) => FreshetError | undefined,
  ): Promise<void> {
    let refusal: FreshetError | undefined;
    return this.#send(commands, (frame, epoch) => {
      refusal ??= take(frame, epoch);
      if (frame.requestId === undefined) return more;
      if (refusal) throw refusal;
      return;
    });
  }

  #expect(code: string, frame: MetaFrame): void {
    const refusal = this.#refusal(code, frame);
    if (refusal) throw refusal;
  }

  #refusal(expected: string, frame: MetaFrame): FreshetError | undefined {
    if (frame.code === expected) return undefined;
    const answer = describe(frame);
    return new FreshetError("CACHE_SERVER_ERROR", `${this.node}: memcached answered ${answer}`, {
      details: { node: this.node, answer },
    });
  }
}

function describe({ code, words }: MetaFrame): string {
  return `${code} ${words}`.trimEnd().slice(0, 200);
}

function storedValue({ value = nothing, unique }: MetaFrame, epoch: number): StoredValue {
  return { value, cas: { epoch, unique } };
}

function storeCommand(line: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from(line), lineEnd, value, lineEnd]);
}

function dial(host: string, port: number): Dial<MetaFrame, string | Buffer> {
  return ({ onFrame, onDown }) => {
    const parser = new MetaParser((frame) => {
      // After CLIENT_ERROR or ERROR nobody knows where the next answer begins.
      if (!knownCodes.has(frame.code)) onDown(new Error(`unexpected answer ${describe(frame)}`));
      else onFrame(frame.requestId, frame);
    });
    const socket = connect({ host, port, noDelay: true });
    socket
      .on("data", (chunk) => {
        if (!parser.push(chunk)) onDown(new Error("what answers is not memcached's meta protocol"));
      })
      .on("error", onDown)
      .on("close", () => {
        onDown(new Error("the connection was closed"));
      });
    let lines = "";
    const writeLines = (): void => {
      if (lines !== "") socket.write(lines);
      lines = "";
    };
    return {
      write: (request) => {
        if (typeof request === "string") {
          lines += request;
          return;
        }
        if (socket.writableCorked === 0) socket.cork();
        writeLines();
        socket.write(request);
      },
      flush: () => {
        writeLines();
        socket.uncork();
      },
      destroy: () => socket.destroy(),
    };
  };
}
