import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A real memcached of this test alone, on a free loopback port. */
export class Memcached implements AsyncDisposable {
  readonly port: number;
  readonly #options: readonly string[];
  #child: ChildProcess;

  private constructor(port: number, options: readonly string[], child: ChildProcess) {
    this.port = port;
    this.#options = options;
    this.#child = child;
  }

  /** `options` beside those for address and memory, e.g. `-I 512k` for a small item limit. */
  static async start(...options: readonly string[]): Promise<Memcached> {
    const port = await freePort();
    return new Memcached(port, options, await spawnMemcached(port, options));
  }

  /** As a driver takes it. */
  get node(): { name: string; host: string; port: number } {
    return { name: `127.0.0.1:${this.port}`, host: "127.0.0.1", port: this.port };
  }

  /** Ends it at once; connections are closed by the kernel. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  /** Empty, with CAS uniques counted from 1 again. */
  async restart(): Promise<void> {
    await this.kill();
    this.#child = await spawnMemcached(this.port, this.#options);
  }

  /** It accepts connections and answers nothing. */
  async freeze(): Promise<void> {
    this.#child.kill("SIGSTOP");
    // The signal is delivered some time later; until then it answers.
    while (!/\) T /.test(await readFile(`/proc/${String(this.#child.pid)}/stat`, "utf8"))) await delay(1);
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function spawnMemcached(port: number, options: readonly string[]): Promise<ChildProcess> {
  const always = ["-u", "nobody", "-l", "127.0.0.1", "-p", String(port), "-U", "0", "-m", "64"];
  const child = spawn("memcached", [...always, ...options], { stdio: "ignore" });
  const failed = once(child, "exit").then(() => {
    throw new Error(`memcached did not start on port ${port}`);
  });
  await Promise.race([failed, untilListening(port)]);
  failed.catch(() => undefined);
  return child;
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isUp = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    await delay(10);
  }
}

/** A port of 127.0.0.1 on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
