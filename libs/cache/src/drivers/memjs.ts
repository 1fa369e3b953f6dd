import { FreshetError } from "@freshet/contracts";
import memjs, { type Response } from "memjs";
import { type Collect, type Dial, more, NodeConnection } from "./connection.ts";
import {
  type CasAnswer,
  type CasToken,
  checkCas,
  checkKey,
  checkStore,
  checkTtl,
  type DriverOptions,
  type MemcachedDriver,
  type StoredValue,
} from "./driver.ts";

const opcodes = {
  get: 0x00,
  set: 0x01,
  add: 0x02,
  delete: 0x04,
  flush: 0x08,
  noop: 0x0a,
  version: 0x0b,
  getKeyQuietly: 0x0d,
  deleteQuietly: 0x14,
  touch: 0x1c,
} as const;
const quietOpcodes: ReadonlySet<number> = new Set([opcodes.getKeyQuietly, opcodes.deleteQuietly]);
const statuses = { ok: 0, notFound: 1, exists: 2 } as const;
const headerBytes = 24;

type Opcode = (typeof opcodes)[keyof typeof opcodes];

/**
 * memjs made safe. Its Server (socket, parser) is used as it is; its Client is not: that counts requests into
 * negative numbers, sends commands twice, answers from another node, has no CAS and leaves promises unsettled
 * when memcached closes the connection. A Server reconnects by itself, hence one Server per TCP connection.
 */
export class MemjsDriver implements MemcachedDriver {
  readonly node: string;
  readonly #connection: NodeConnection<Response, Buffer>;

  constructor(node: { name: string; host: string; port: number }, options: DriverOptions = {}) {
    this.node = node.name;
    this.#connection = new NodeConnection(node.name, options, dial(node.host, node.port));
  }

  async get(key: string): Promise<StoredValue | undefined> {
    checkKey(key);
    return this.#send(opcodes.get, { key }, (response, epoch) => {
      if (response.header.status === statuses.notFound) return undefined;
      this.#expectOk(response);
      return storedValue(response, epoch);
    });
  }

  async getMany(keys: readonly string[]): Promise<Map<string, StoredValue>> {
    const found = new Map<string, StoredValue>();
    if (keys.length === 0) return found;
    keys.forEach(checkKey);
    return this.#sendQuietly(opcodes.getKeyQuietly, keys, found, (response, epoch) => {
      const refusal = this.#refusal(response);
      if (!refusal) found.set(response.key.toString(), storedValue(response, epoch));
      return refusal;
    });
  }

  async add(
    key: string,
    value: Buffer,
    ttlSeconds: number,
  ): Promise<{ readonly stored: true; readonly cas: CasToken } | { readonly stored: false }> {
    checkStore(key, value, ttlSeconds);
    const extras = storeExtras(ttlSeconds);
    return this.#send(opcodes.add, { key, extras, value }, (response, epoch) => {
      if (response.header.status === statuses.exists) return { stored: false };
      this.#expectOk(response);
      return { stored: true, cas: casToken(response, epoch) };
    });
  }

  async cas(key: string, value: Buffer, ttlSeconds: number, token: CasToken): Promise<CasAnswer> {
    checkStore(key, value, ttlSeconds);
    checkCas(token);
    if (token.epoch !== this.#connection.epoch) return "connection_changed";
    const request = { key, extras: storeExtras(ttlSeconds), value, casUnique: token.unique };
    return this.#send(opcodes.set, request, (response) => {
      if (response.header.status === statuses.exists) return "exists";
      if (response.header.status === statuses.notFound) return "not_found";
      this.#expectOk(response);
      return "stored";
    });
  }

  async delete(key: string): Promise<"deleted" | "not_found"> {
    checkKey(key);
    return this.#send(opcodes.delete, { key }, (response) => {
      if (response.header.status === statuses.notFound) return "not_found";
      this.#expectOk(response);
      return "deleted";
    });
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey);
    await this.#connection.sendInChunks(keys, headerBytes, (chunk) =>
      // A quiet delete of a present key is silent; a miss is answered.
      this.#sendQuietly(opcodes.deleteQuietly, chunk, undefined, (response) =>
        response.header.status === statuses.notFound ? undefined : this.#refusal(response),
      ),
    );
  }

  async touch(key: string, ttlSeconds: number): Promise<"touched" | "not_found"> {
    checkKey(key);
    checkTtl(ttlSeconds);
    const extras = Buffer.alloc(4);
    extras.writeUInt32BE(ttlSeconds);
    return this.#send(opcodes.touch, { key, extras }, (response) => {
      if (response.header.status === statuses.notFound) return "not_found";
      this.#expectOk(response);
      return "touched";
    });
  }

  async flushAll(): Promise<void> {
    await this.#send(opcodes.flush, {}, (response) => {
      this.#expectOk(response);
    });
  }

  async version(): Promise<string> {
    return this.#send(opcodes.version, {}, (response) => {
      this.#expectOk(response);
      return response.val.toString();
    });
  }

  close(): void {
    this.#connection.close();
  }

  #send<Result>(
    opcode: Opcode,
    parts: Omit<RequestParts, "opcode" | "requestId">,
    collect: Collect<Response, Result>,
  ): Promise<Result> {
    const requestId = this.#connection.nextRequestId();
    return this.#connection.send(requestId, requestOf({ opcode, requestId, ...parts }), collect);
  }

  /** Quiet commands of which only some are answered, and a no-op whose answer ends them; all bear one id. */
  #sendQuietly<Result>(
    opcode: Opcode,
    keys: readonly string[],
    result: Result,
    take: (response: Response, epoch: number) => FreshetError | undefined,
  ): Promise<Result> {
    let refusal: FreshetError | undefined;
    const requestId = this.#connection.nextRequestId();
    const request = Buffer.concat([
      ...keys.map((key) => requestOf({ opcode, requestId, key })),
      requestOf({ opcode: opcodes.noop, requestId }),
    ]);
    return this.#connection.send(requestId, request, (response, epoch) => {
      if (response.header.opcode === opcodes.noop) {
        if (refusal) throw refusal;
        return result;
      }
      refusal ??= take(response, epoch);
      return more;
    });
  }

  #expectOk(response: Response): void {
    const refusal = this.#refusal(response);
    if (refusal) throw refusal;
  }

  #refusal({ header: { opcode, status } }: Response): FreshetError | undefined {
    if (status === statuses.ok) return undefined;
    return new FreshetError("CACHE_SERVER_ERROR", `${this.node}: memcached answered status ${status}`, {
      details: { node: this.node, opcode, status },
    });
  }
}

interface RequestParts {
  readonly opcode: Opcode;
  readonly requestId: number;
  readonly key?: string;
  readonly extras?: Buffer;
  readonly value?: Buffer;
  readonly casUnique?: bigint;
}

function requestOf({ opcode, requestId, key, extras, value, casUnique }: RequestParts): Buffer {
  const request = memjs.Utils.makeRequestBuffer(opcode, key ?? "", extras ?? "", value ?? "", requestId);
  if (casUnique !== undefined) request.writeBigUInt64BE(casUnique, 16);
  return request;
}

/** Flags (none: values are recognised by their fields) and the life in seconds. */
function storeExtras(ttlSeconds: number): Buffer {
  const extras = Buffer.alloc(8);
  extras.writeUInt32BE(ttlSeconds, 4);
  return extras;
}

function storedValue(response: Response, epoch: number): StoredValue {
  return { value: response.val, cas: casToken(response, epoch) };
}

function casToken({ header }: Response, epoch: number): CasToken {
  return { epoch, unique: header.cas.readBigUInt64BE() };
}

function dial(host: string, port: number): Dial<Response, Buffer> {
  return ({ onFrame, onDown }) => {
    // Seconds. The deadlines are NodeConnection's: memjs's own would let a Server live on and reconnect.
    const server = new memjs.Server(host, port, undefined, undefined, {
      timeout: 86_400,
      conntimeout: 86_400,
    });
    // memjs takes them from MEMCACHIER_USERNAME or MEMCACHE_USERNAME and would then speak SASL.
    server.username = server.password = undefined;
    const onResponse = (response: Response): void => {
      onFrame(response.header.opaque, response);
    };
    const onQuietResponse = Object.assign(onResponse.bind(undefined), { quiet: true });
    let socket: typeof server._socket;
    return {
      write: (request) => {
        const isQuiet = quietOpcodes.has(request.readUInt8(1));
        server.onResponse(request.readUInt32BE(12), isQuiet ? onQuietResponse : onResponse);
        if (socket?.writableCorked === 0) socket.cork();
        server.write(request);
        if (socket || !server._socket) return;
        socket = server._socket.setNoDelay(true);
        socket.on("error", onDown).on("close", () => {
          onDown(new Error("the connection was closed"));
        });
      },
      flush: () => {
        socket?.uncork();
      },
      destroy: () => socket?.destroy(),
    };
  };
}
