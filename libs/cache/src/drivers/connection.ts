import { FreshetError } from "@freshet/contracts";
import type { DriverOptions } from "./driver.ts";
import { Fifo } from "./fifo.ts";

/** The bytes of one TCP connection, in the protocol of its driver. Never reconnects. */
interface Wire<Request> {
  /** What is written in one turn of the event loop leaves with the flush at its end: one system call, one packet. */
  write(request: Request): void;
  flush(): void;
  destroy(): void;
}

/** Opens a connection (or does so with the first write). */
export type Dial<Frame, Request> = (events: {
  /** memcached answers in the order it was asked. A frame without an id belongs to the oldest request. */
  onFrame: (requestId: number | undefined, frame: Frame) => void;
  onDown: (cause: Error) => void;
}) => Wire<Request>;

/** Answered by a collector while more frames of the same answer are to come. */
export const more = Symbol("more");

/** Turns the frames of one answer into a result. What it throws rejects this request alone. */
export type Collect<Frame, Result> = (frame: Frame, epoch: number) => Result | typeof more;

/** One turn of the event loop in which requests were sent. */
interface Turn {
  /** Monotonic milliseconds; from when they left. */
  deadline: number;
}

interface Exchange<Frame> {
  readonly requestId: number;
  readonly turn: Turn;
  readonly bytes: number;
  /** Answers whether the answer is complete. */
  readonly take: (frame: Frame) => boolean;
  readonly fail: (error: FreshetError) => void;
}

/** Bytes of a chunk, keys counted as ASCII: one whose keys are all Chinese has three times as many. */
const bulkChunkBytes = 32_768;
const bulkChunksInFlight = 2;
let lastEpoch = 0;

/**
 * Requests to one node over one connection at a time. What fails a connection (a time-out, an answer that nobody
 * asked for, a reset) fails everything in flight on it; the next request opens a new one, with a new epoch.
 */
export class NodeConnection<Frame, Request extends string | Buffer> {
  readonly #node: string;
  readonly #dial: Dial<Frame, Request>;
  readonly #limits: Required<DriverOptions>;
  #link: Link<Frame, Request> | undefined;
  // Just below 2^32: each process crosses at once what memjs, counting with `&`, reaches after 2^31 requests.
  #lastRequestId = 0xffff_fff0;
  #closed = false;

  constructor(node: string, options: DriverOptions, dial: Dial<Frame, Request>) {
    this.#node = node;
    this.#dial = dial;
    this.#limits = { timeoutMs: 50, maxInFlight: 4_096, maxBytesInFlight: 8 * 1024 * 1024, ...options };
  }

  /** Which TCP connection the next request goes to; undefined when it will be a new one. */
  get epoch(): number | undefined {
    return this.#link?.epoch;
  }

  /** The id that the next request must bear, and its answer (unsigned 32 bit). */
  nextRequestId(): number {
    this.#lastRequestId = (this.#lastRequestId + 1) >>> 0;
    return this.#lastRequestId;
  }

  /**
   * Sends a request, in the order of the ids, and collects its answer.
   * @throws FreshetError as MemcachedDriver says
   */
  send<Result>(requestId: number, request: Request, collect: Collect<Frame, Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(new FreshetError("CACHE_CLOSED", `${this.#node}: closed`));
    this.#link ??= new Link(this.#node, this.#limits, this.#dial, () => (this.#link = undefined));
    return this.#link.send(requestId, request, collect);
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
    const sending = Array.from({ length: bulkChunksInFlight }, sendNext);
    // At once: by the end of the turn kafkajs has asked for its next fetch, which takes 0.4 ms.
    this.#link?.endTurn();
    const outcomes = await Promise.allSettled(sending);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  close(): void {
    this.#closed = true;
    this.#link?.fail(new FreshetError("CACHE_CLOSED", `${this.#node}: closed`));
  }
}

/** One TCP connection and what is in flight on it. */
class Link<Frame, Request extends string | Buffer> {
  readonly epoch = ++lastEpoch;
  readonly #node: string;
  readonly #limits: Required<DriverOptions>;
  readonly #wire: Wire<Request>;
  readonly #onDown: () => void;
  readonly #inFlight = new Fifo<Exchange<Frame>>();
  #bytesInFlight = 0;
  /** The turn that is going on, if something was sent in it. */
  #turn: Turn | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isDown = false;

  constructor(node: string, limits: Required<DriverOptions>, dial: Dial<Frame, Request>, onDown: () => void) {
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

  send<Result>(requestId: number, request: Request, collect: Collect<Frame, Result>): Promise<Result> {
    const { maxInFlight, maxBytesInFlight } = this.#limits;
    const bytes = request.length;
    if (this.#inFlight.size >= maxInFlight || this.#bytesInFlight + bytes > maxBytesInFlight)
      return Promise.reject(new FreshetError("CACHE_OVERLOADED", `${this.#node}: too much in flight`));
    return new Promise((resolve, reject) => {
      this.#inFlight.push({
        requestId,
        turn: this.#turn ?? this.#beginTurn(),
        bytes,
        take: (frame) => {
          try {
            const result = collect(frame, this.epoch);
            if (result === more) return false;
            resolve(result);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
          return true;
        },
        fail: reject,
      });
      this.#bytesInFlight += bytes;
      this.#wire.write(request);
    });
  }

  /** Sends what was given in this turn. */
  endTurn(): void {
    if (this.#isDown || !this.#turn) return;
    const { timeoutMs } = this.#limits;
    this.#turn.deadline = performance.now() + timeoutMs;
    this.#turn = undefined;
    this.#timer ??= this.#expireIn(timeoutMs);
    this.#wire.flush();
  }

  /** Gives up the connection; everything in flight is rejected. */
  fail(error: FreshetError): void {
    if (this.#isDown) return;
    this.#isDown = true;
    clearTimeout(this.#timer);
    this.#onDown();
    this.#wire.destroy();
    const now = performance.now();
    for (let exchange = this.#inFlight.shift(); exchange; exchange = this.#inFlight.shift()) {
      const isLate = exchange.turn.deadline <= now && error.code === "CACHE_CONNECTION";
      exchange.fail(isLate ? timedOut(this.#node) : error);
    }
  }

  #receive(requestId: number | undefined, frame: Frame): void {
    if (this.#isDown) return;
    const exchange = this.#inFlight.first;
    if (!exchange || (requestId !== undefined && requestId !== exchange.requestId)) {
      this.fail(new FreshetError("CACHE_CONNECTION", `${this.#node}: an answer that nobody asked for`));
      return;
    }
    if (!exchange.take(frame)) return;
    this.#inFlight.shift();
    this.#bytesInFlight -= exchange.bytes;
  }

  /** The reads that one answer wakes run before the end of their turn, so that all they ask leaves together. */
  #beginTurn(): Turn {
    process.nextTick(() => {
      this.endTurn();
    });
    return (this.#turn = { deadline: Number.POSITIVE_INFINITY });
  }

  /** One timer for all: the deadlines are equally long, so that the oldest request expires first. */
  #expireIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      // After a blocked event loop timers run before the answers that already lie in the socket: read those first.
      const firedMs = performance.now();
      setImmediate(() => {
        this.#timer = undefined;
        const oldest = this.#inFlight.first;
        if (!oldest) return;
        const { deadline } = oldest.turn;
        // What was sent since then in a turn that took long has not been able to get its answer.
        if (deadline > firedMs) this.#timer = this.#expireIn(Math.max(0, deadline - performance.now()));
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
  for (let index = 0; index < keys.length; index += 1) {
    bytes += (keys[index]?.length ?? 0) + bytesPerKey;
    if (bytes < bulkChunkBytes && index < keys.length - 1) continue;
    yield keys.slice(from, index + 1);
    from = index + 1;
    bytes = 0;
  }
}
