import { FreshetError, maxKeyBytes } from "@freshet/contracts";

/**
 * What a get or an add captured: the value's CAS unique and the TCP connection that it was read on. A restarted
 * memcached counts its uniques from 1 again, so that a unique of an earlier connection may match another value.
 */
export interface CasToken {
  readonly epoch: number;
  readonly unique: bigint;
}

/** A value as it stands in memcached. */
export interface StoredValue {
  readonly value: Buffer;
  readonly cas: CasToken;
}

/** "connection_changed": nothing was sent, the token is from an earlier connection. */
export type CasAnswer = "stored" | "exists" | "not_found" | "connection_changed";

/**
 * One memcached node. Every call MUST settle within the deadline (plus the wait of the event loop), and MUST
 * reject with a FreshetError: CACHE_KEY_INVALID, CACHE_VALUE_INVALID and CACHE_CAS_INVALID before anything is
 * sent, CACHE_OVERLOADED when too much is in flight, CACHE_CLOSED after close; CACHE_SERVER_ERROR when
 * memcached refuses; CACHE_TIMEOUT and CACHE_CONNECTION when the outcome is unknown: the command may still be
 * executed. After a time-out the connection MUST be given up, since half an answer may be under way on it.
 */
export interface MemcachedDriver {
  /** `host:port` as configured. */
  readonly node: string;
  get(key: string): Promise<StoredValue | undefined>;
  /** One round trip; the keys that are there. */
  getMany(keys: readonly string[]): Promise<Map<string, StoredValue>>;
  add(
    key: string,
    value: Buffer,
    ttlSeconds: number,
  ): Promise<{ readonly stored: true; readonly cas: CasToken } | { readonly stored: false }>;
  /** Replaces the value that `token` was captured from. */
  cas(key: string, value: Buffer, ttlSeconds: number, token: CasToken): Promise<CasAnswer>;
  /** Both answers acknowledge. */
  delete(key: string): Promise<"deleted" | "not_found">;
  /** Pipelined; resolves when every delete was acknowledged. The deadline is that of each chunk. */
  deleteMany(keys: readonly string[]): Promise<void>;
  /** Gives an existing value a new life; its CAS unique stays. */
  touch(key: string, ttlSeconds: number): Promise<"touched" | "not_found">;
  flushAll(): Promise<void>;
  version(): Promise<string>;
  /** Gives up the connection; what is in flight rejects with CACHE_CLOSED. */
  close(): void;
}

/** Limits of one driver. */
export interface DriverOptions {
  /** Deadline of a call, in milliseconds; connecting counts. Default 50. */
  readonly timeoutMs?: number;
  /** Requests in flight (a chunk of a bulk call counts as one). Default 4,096. */
  readonly maxInFlight?: number;
  /** Bytes of the requests in flight. Default 8 MiB. */
  readonly maxBytesInFlight?: number;
}

/** Makes the driver of one node. */
export type CreateDriver = (
  node: { readonly name: string; readonly host: string; readonly port: number },
  options?: DriverOptions,
) => MemcachedDriver;

/** memcached's default item limit is 1 MiB with key and header; a larger set would remove the old value. */
export const maxValueBytes = 1_000_000;
/** A longer life is read as a date (30 days). */
const maxTtlSeconds = 2_592_000;

const plainKey = /^[!-~]{1,250}$/;
const forbidden = /[\u0000-\u0020\u007f]|\p{Surrogate}/u;

/**
 * What is wrong with a key. One over 250 bytes makes memcached close the connection under everybody's requests;
 * white space ends it in the text protocol.
 */
export function keyRefusal(key: string): FreshetError | undefined {
  if (plainKey.test(key)) return undefined;
  const bytes = Buffer.byteLength(key);
  if (bytes === 0 || bytes > maxKeyBytes)
    return new FreshetError("CACHE_KEY_INVALID", `a key of ${bytes} bytes: 1 to ${maxKeyBytes} are allowed`);
  if (!forbidden.test(key)) return undefined;
  return new FreshetError(
    "CACHE_KEY_INVALID",
    "a key holds white space, a control character or half a character",
  );
}

/** @throws FreshetError CACHE_KEY_INVALID */
export function checkKey(key: string): void {
  const refusal = keyRefusal(key);
  if (refusal) throw refusal;
}

/** @throws FreshetError CACHE_KEY_INVALID, CACHE_VALUE_INVALID */
export function checkStore(key: string, value: Buffer, ttlSeconds: number): void {
  checkKey(key);
  if (value.length > maxValueBytes)
    throw new FreshetError(
      "CACHE_VALUE_INVALID",
      `a value of ${value.length} bytes: at most ${maxValueBytes}`,
    );
  checkTtl(ttlSeconds);
}

/** @throws FreshetError CACHE_VALUE_INVALID */
export function checkTtl(ttlSeconds: number): void {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds)
    throw new FreshetError(
      "CACHE_VALUE_INVALID",
      `a life of ${ttlSeconds} s: whole seconds from 1 to ${maxTtlSeconds}`,
    );
}

/**
 * A compare-and-swap with CAS 0 is an unconditional set.
 * @throws FreshetError CACHE_CAS_INVALID
 */
export function checkCas(token: CasToken): void {
  if (token.unique === 0n)
    throw new FreshetError("CACHE_CAS_INVALID", "CAS 0 would overwrite whatever is there");
}
