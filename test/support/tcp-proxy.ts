// A TCP proxy that plays the faults of a network and of a server behind it, on 127.0.0.1.
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

/**
 * forward: as if it were not there. drop-answers: requests arrive and are executed, their answers are lost.
 * black-hole: nothing arrives any more, in either direction, and no connection is closed. refuse: open connections
 * stay, new ones are closed at once.
 */
export type ProxyMode = "forward" | "drop-answers" | "black-hole" | "refuse";

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** It is closed in place of its next answer. */
  isDoomed: boolean;
}

/** One listening port in front of `target`; closed by `await using` or `close()`. */
export class TcpProxy implements AsyncDisposable {
  /** A request for which this holds arrives and is executed; its connection is closed in place of the answer. */
  cutsAnswersOf: (request: Buffer) => boolean = () => false;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #mode: ProxyMode = "forward";
  #delayMs = 0;
  #answersUntilCut = Number.POSITIVE_INFINITY;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => {
      this.#accept(client);
    });
  }

  /** Starts a proxy in front of "host:port". */
  static async start(target: string): Promise<TcpProxy> {
    const at = target.lastIndexOf(":");
    const proxy = new TcpProxy({ host: target.slice(0, at), port: Number(target.slice(at + 1)) });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy does not listen");
    return address.port;
  }

  /** "host:port" to give to a client. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** How bytes are treated from now on; what a mode held back or dropped never comes. */
  set mode(mode: ProxyMode) {
    this.#mode = mode;
  }

  /** Delays each answer by this many milliseconds. */
  set delayMs(ms: number) {
    this.#delayMs = ms;
  }

  /** Lets this many bytes of answers through and then closes the connection in the middle of one. */
  cutAfterAnswerBytes(bytes: number): void {
    this.#answersUntilCut = bytes;
  }

  /** Closes every open connection, on both sides. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.#mode === "refuse") {
      client.destroy();
      return;
    }
    const server = connect(this.#target);
    const link: Link = { client, server, isDoomed: false };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#links.delete(link);
        // A black hole tells nobody that the other side is gone.
        if (this.#mode !== "black-hole") this.#destroy(link);
      });
    }
    client.on("data", (request: Buffer) => {
      if (this.#mode === "black-hole") return;
      link.isDoomed ||= this.cutsAnswersOf(request);
      server.write(request);
    });
    server.on("data", (answer: Buffer) => {
      if (this.#mode === "drop-answers" || this.#mode === "black-hole") return;
      if (link.isDoomed) this.#destroy(link);
      else if (this.#delayMs === 0) this.#answer(link, answer);
      else
        setTimeout(() => {
          this.#answer(link, answer);
        }, this.#delayMs);
    });
  }

  #answer(link: Link, answer: Buffer): void {
    if (answer.length < this.#answersUntilCut) {
      this.#answersUntilCut -= answer.length;
      link.client.write(answer);
      return;
    }
    const head = answer.subarray(0, this.#answersUntilCut);
    this.#answersUntilCut = Number.POSITIVE_INFINITY;
    link.client.write(head, () => {
      this.#destroy(link);
    });
  }

  #destroy({ client, server }: Link): void {
    client.destroy();
    server.destroy();
  }
}
