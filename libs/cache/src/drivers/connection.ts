import type { Socket } from "node:net";
import { FreshetError } from "@freshet/contracts";
import type { DriverOptions } from "./driver.ts";

/** The bytes of one TCP connection, in the protocol of its driver. Never reconnects. */
interface Wire {
  write(request: Buffer): void;
  destroy(): void;
}

/** Opens a connection (or does so with the first write). A frame without an id belongs to the oldest request. */
export type Dial<Frame> = (events: {
  onFrame: (requestId: number | undefined, frame: Frame) => void;
  onDown: (cause: Error) => void;
}) => Wire;

/** Answered by a collector while more frames of the same answer are to come. */
export const more = Symbol("more");

/** Turns the frames of one answer into a result. What it throws rejects this request alone. */
type Collect<Frame, Result> = (frame: Frame) => Result | typeof more;

interface Exchange<Frame> {
  readonly deadline: number;
  readonly bytes: number;
  /** Answers whether the answer is complete. */
  readonly take: (frame: Frame) => boolean;
  readonly fail: (error: FreshetError) => void;
}

const bulkChunkBytes = 32_768;
const bulkChunksInFlight = 2;
let lastEpoch = 0;

/**
 * Requests to one node over one connection at a time. What fails a connection (a time-out, an answer that nobody
 * asked for, a reset) fails everything in flight on it; the next request opens a new one, with a new epoch.
 */
export class NodeConnection<Frame> {
  readonly #node: string;
  readonly #dial: Dial<Frame>;
  readonly #limits: Required<DriverOptions>;
  #link: Link<Frame> | undefined;
  // Just below 2^32: each process crosses at once what memjs, counting with `&`, reaches after 2^31 requests.
  #lastRequestId = 0xffff_fff0;
  #closed = false;

  constructor(node: string, options: DriverOptions, dial: Dial<Frame>) {
    this.#node = node;
    this.#dial = dial;
    this.#limits = { timeoutMs: 50, maxInFlight: 4_096, maxBytesInFlight: 8 * 1024 * 1024, ...options };
  }

  /** Which TCP connection the next request goes to; undefined when it will be a new one. */
  get epoch(): number | undefined {
    return this.#link?.epoch;
  }

  /**
   * Sends a request and collects its answer. `request` gets the id that the answer must bear (unsigned 32 bit).
   * @throws FreshetError as MemcachedDriver says
   */
  send<Result>(
    request: (requestId: number) => Buffer,
    collect: (frame: Frame, epoch: number) => Result | typeof more,
  ): Promise<Result> {
    if (this.#closed) return Promise.reject(new FreshetError("CACHE_CLOSED", `${this.#node}: closed`));
    const link = (this.#link ??= new Link(
      this.#node,
      this.#limits,
      this.#dial,
      () => (this.#link = undefined),
    ));
    this.#lastRequestId = (this.#lastRequestId + 1) >>> 0;
    return link.send(this.#lastRequestId, request(this.#lastRequestId), (frame) =>
      collect(frame, link.epoch),
    );
  }

  /**
   * Sends many small commands in chunks, a few in flight at a time; rejects with the first failure, after which
   * no further chunk is sent.
   */
  async sendInChunks(
    keys: readonly string[],
    bytesPerKey: number,
    send: (chunk: readonly string[]) => Promise<unknown>,
  ): Promise<void> {
    const chunks = chunksOf(keys, bytesPerKey);
    // Both take from one generator; leaving a loop by an error ends it for the other, too.
    const sendNext = async (): Promise<void> => {
      for (const chunk of chunks) await send(chunk);
    };
    const outcomes = await Promise.allSettled(Array.from({ length: bulkChunksInFlight }, sendNext));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  close(): void {
    this.#closed = true;
    this.#link?.fail(new FreshetError("CACHE_CLOSED", `${this.#node}: closed`));
  }
}

/** Lets what is written in this turn of the event loop leave together: one system call, one packet. */
export function corkForThisTurn(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => {
    socket.uncork();
  });
}

/** One TCP connection and what is in flight on it. */
class Link<Frame> {
  readonly epoch = ++lastEpoch;
  readonly #node: string;
  readonly #limits: Required<DriverOptions>;
  readonly #wire: Wire;
  readonly #onDown: () => void;
  readonly #inFlight = new Map<number, Exchange<Frame>>();
  #bytesInFlight = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDown = false;

  constructor(node: string, limits: Required<DriverOptions>, dial: Dial<Frame>, onDown: () => void) {
    this.#node = node;
    this.#limits = limits;
    this.#onDown = onDown;
    this.#wire = dial({
      onFrame: (requestId, frame) => {
        this.#receive(requestId, frame);
      },
      onDown: (cause) => {
        this.fail(new FreshetError("CACHE_CONNECTION", `${node}: ${cause.message}`, { cause }));
      },
    });
  }

  send<Result>(requestId: number, request: Buffer, collect: Collect<Frame, Result>): Promise<Result> {
    const { timeoutMs, maxInFlight, maxBytesInFlight } = this.#limits;
    if (this.#inFlight.size >= maxInFlight || this.#bytesInFlight + request.length > maxBytesInFlight)
      return Promise.reject(new FreshetError("CACHE_OVERLOADED", `${this.#node}: too much in flight`));
    return new Promise((resolve, reject) => {
      this.#inFlight.set(requestId, {
        deadline: performance.now() + timeoutMs,
        bytes: request.length,
        take: (frame) => {
          try {
            const result = collect(frame);
            if (result === more) return false;
            resolve(result);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
          return true;
        },
        fail: reject,
      });
      this.#bytesInFlight += request.length;
      this.#timer ??= this.#expireIn(timeoutMs);
      this.#wire.write(request);
    });
  }

  /** Gives up the connection; everything in flight is rejected. */
  fail(error: FreshetError): void {
    if (this.#isDown) return;
    this.#isDown = true;
    clearTimeout(this.#timer);
    this.#onDown();
    this.#wire.destroy();
    const now = performance.now();
    for (const { deadline, fail } of this.#inFlight.values())
      fail(deadline <= now && error.code === "CACHE_CONNECTION" ? timedOut(this.#node) : error);
    this.#inFlight.clear();
  }

  #receive(bornId: number | undefined, frame: Frame): void {
    if (this.#isDown) return;
    const [requestId = bornId] = bornId === undefined ? this.#inFlight.keys() : [];
    const exchange = requestId === undefined ? undefined : this.#inFlight.get(requestId);
    if (requestId === undefined || !exchange) {
      this.fail(new FreshetError("CACHE_CONNECTION", `${this.#node}: an answer that nobody asked for`));
      return;
    }
    if (!exchange.take(frame)) return;
    this.#inFlight.delete(requestId);
    this.#bytesInFlight -= exchange.bytes;
  }

  /** One timer for all: the deadlines are equally long, so that the oldest request expires first. */
  #expireIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      // After a blocked event loop timers run before the answers that already lie in the socket: read those first.
      const firedMs = performance.now();
      setImmediate(() => {
        this.#timer = undefined;
        const [oldest] = this.#inFlight.values();
        if (!oldest) return;
        // What was sent since then in a turn that took long has not been able to get its answer.
        if (oldest.deadline > firedMs)
          this.#timer = this.#expireIn(Math.max(0, oldest.deadline - performance.now()));
        else this.fail(new FreshetError("CACHE_CONNECTION", `${this.#node}: given up after a time-out`));
      });
    }, milliseconds).unref();
  }
}

function timedOut(node: string): FreshetError {
  return new FreshetError("CACHE_TIMEOUT", `${node}: no answer in time`);
}

function* chunksOf(keys: readonly string[], bytesPerKey: number): Generator<readonly string[], undefined> {
  let from = 0;
  let bytes = 0;
  for (const [index, key] of keys.entries()) {
    bytes += Buffer.byteLength(key) + bytesPerKey;
    if (bytes < bulkChunkBytes && index < keys.length - 1) continue;
    yield keys.slice(from, index + 1);
    from = index + 1;
    bytes = 0;
  }
}
