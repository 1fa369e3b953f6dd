import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

const command = /^(md|mg|ms) (\S+)/;

/** Stands before a memcached node and writes down which keys an invalidator deletes, reads and stores there. */
export class KeyLog implements AsyncDisposable {
  /** Key → how often it was deleted, read or stored. */
  readonly touched = new Map<string, number>();
  deletes = 0;
  /** Told of each of them, before the client has its answer. */
  onKey: (key: string) => void = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: { host: string; port: number }, withReaders: boolean) {
    this.#server = createServer((client) => {
      const node = connect(target);
      const isReader = withReaders && !isInvalidator(client.remotePort ?? 0, client.localPort ?? 0);
      let rest = "";
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
        if (isReader) return;
        const lines = (rest + request.toString("latin1")).split("\r\n");
        rest = lines.pop() ?? "";
        lines.forEach((line) => {
          this.#note(line);
        });
      });
      node.on("data", (answer: Buffer) => client.write(answer));
    });
  }

  /** Starts in front of "host:port"; `withReaders`: others than invalidators connect too, and are not written down. */
  static async start(target: string, { withReaders = false } = {}): Promise<KeyLog> {
    const [host = "", port] = target.split(":");
    const log = new KeyLog({ host, port: Number(port) }, withReaders);
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

/** Whether an invalidator has the end `from` of a connection on loopback; another one may have used that port before. */
function isInvalidator(from: number, to: number): boolean {
  const file = `socket:[${socketOf(from, to) ?? "?"}]`;
  return readdirSync("/proc").some(
    (pid) =>
      unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"), "").includes("/apps/invalidator/") &&
      unlessGone(() => readdirSync(`/proc/${pid}/fd`), []).some(
        (descriptor) => unlessGone(() => readlinkSync(`/proc/${pid}/fd/${descriptor}`), "") === file,
      ),
  );
}

/** The table of connections changes while it is read, so that one look can miss a line. */
function socketOf(from: number, to: number): string | undefined {
  const [near, far] = [from, to].map(
    (port) => `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`,
  );
  for (let look = 0; look < 3; look += 1) {
    const connection = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .find(([, local, remote]) => local === near && remote === far);
    if (connection !== undefined) return connection[9];
  }
  return undefined;
}

/** What `read` says, or `otherwise` when the process has ended or the file was closed in the meantime. */
function unlessGone<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
