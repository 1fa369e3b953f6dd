/** The part of memjs 1.3.2 that the driver uses; @types/memjs describes neither Server's hooks nor Utils. */
declare module "memjs" {
  import type { Socket } from "node:net";

  interface Response {
    readonly header: {
      readonly opcode: number;
      readonly status: number;
      readonly opaque: number;
      /** The CAS unique, 8 bytes. */
      readonly cas: Buffer;
    };
    readonly key: Buffer;
    readonly extras: Buffer;
    readonly val: Buffer;
  }

  /** `quiet`: the callback stays registered until a response without a body arrives. */
  type ResponseCallback = ((response: Response) => void) & { quiet?: boolean };

  class Server {
    constructor(
      host: string,
      port: number,
      username: string | undefined,
      password: string | undefined,
      options: { timeout: number; conntimeout: number },
    );
    username: string | undefined;
    password: string | undefined;
    readonly options: object;
    _socket: Socket | undefined;
    onResponse(opaque: number, callback: ResponseCallback): void;
    onError(opaque: number, callback: (error: Error) => void): void;
    write(bytes: Buffer): void;
  }

  /** Not used by the driver: what tests and benchmarks compare it with. */
  class Client {
    static create(
      servers: string,
      options: {
        retries?: number;
        failover?: boolean;
        timeout?: number;
        conntimeout?: number;
        logger?: { log: (text: string) => void };
      },
    ): Client;
    readonly servers: readonly Server[];
    seq: number;
    /** The place of the key's node in the list. */
    getServer(key: string): number;
    get(key: string): Promise<{ readonly value: Buffer | null }>;
    set(key: string, value: string, options: { readonly expires: number }): Promise<boolean>;
    add(key: string, value: string, options: { readonly expires: number }): Promise<boolean>;
    delete(key: string): Promise<boolean>;
    close(): void;
  }

  const memjs: {
    Client: typeof Client;
    Server: typeof Server;
    Utils: {
      hashCode(text: string): number;
      makeRequestBuffer(
        opcode: number,
        key: string,
        extras: Buffer | "",
        value: Buffer | "",
        opaque: number,
      ): Buffer;
    };
  };
  export default memjs;
  export type { Client, Response, ResponseCallback, Server };
}
