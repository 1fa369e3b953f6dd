import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const command = /^(md|mg|ms) (\S+)/;
const binaryRequest = 0x80;

/**
 * Stands before a memcached node and writes down which keys the invalidator deletes, reads and stores there: it alone
 * speaks the text protocol, readers the binary one.
 */
export class KeyLog implements AsyncDisposable {
  /** Key → how often it was deleted, read or stored. */
  readonly touched = new Map<string, number>();
  deletes = 0;
  /** Told of each of them, before the client has its answer. */
  onKey: (key: string) => void = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: { host: string; port: number }) {
    this.#server = createServer((client) => {
      const node = connect(target);
      let rest: string | undefined; // undefined until the client shows which protocol it speaks
      let isBinary = false;
      for (const socket of [client, node]) {
        this.#sockets.add(socket.setNoDelay(true));
        socket.on("error", () => undefined);
        socket.on("close", () => {
          this.#sockets.delete(socket);
          client.destroy();
          node.destroy();
        });
      }
      client.on("data", (request: Buffer) => {
        node.write(request);
        isBinary ||= rest === undefined && request[0] === binaryRequest;
        if (isBinary) return;
        const lines = ((rest ?? "") + request.toString("latin1")).split("\r\n");
        rest = lines.pop() ?? "";
        lines.forEach((line) => {
          this.#note(line);
        });
      });
      node.on("data", (answer: Buffer) => client.write(answer));
    });
  }

  /** Starts in front of "host:port". */
  static async start(target: string): Promise<KeyLog> {
    const [host = "", port] = target.split(":");
    const log = new KeyLog({ host, port: Number(port) });
    log.#server.listen(0, "127.0.0.1");
    await once(log.#server, "listening");
    return log;
  }

  /** "host:port" to give to every client. */
  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    return `127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #note(line: string): void {
    const [, verb, key = ""] = command.exec(line) ?? [];
    if (verb === undefined) return;
    if (verb === "md") this.deletes += 1;
    this.touched.set(key, (this.touched.get(key) ?? 0) + 1);
    this.onKey(key);
  }
}
