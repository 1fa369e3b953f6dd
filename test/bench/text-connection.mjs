import { once } from "node:events";
import { connect } from "node:net";

/** A connection to one memcached node in the text protocol, one command at a time; no code of libs/. */
export class TextConnection {
  /** @type {import("node:net").Socket} */
  #socket;
  #received = "";
  /** @type {{ isComplete: (answer: string) => boolean, resolve: (answer: string) => void } | undefined} */
  #waiting;

  /** @param {string} node host:port */
  constructor(node) {
    const [host = "", port = ""] = node.split(":");
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.setEncoding("latin1").on("data", (/** @type {string} */ data) => {
      this.#received += data;
      if (!this.#waiting?.isComplete(this.#received)) return;
      const { resolve } = this.#waiting;
      const answer = this.#received;
      this.#received = "";
      this.#waiting = undefined;
      resolve(answer);
    });
  }

  /**
   * @param {string} command without the line end
   * @param {(answer: string) => boolean} [isComplete] a line, unless told
   * @returns {Promise<string>}
   */
  async ask(command, isComplete = (answer) => answer.endsWith("\r\n")) {
    const lost = new AbortController();
    const answered = new Promise((resolve) => {
      this.#waiting = { isComplete, resolve };
    });
    this.#socket.write(`${command}\r\n`);
    try {
      return await Promise.race([
        answered,
        once(this.#socket, "close", { signal: lost.signal }).then(() => {
          throw new Error("memcached closed the connection");
        }),
      ]);
    } finally {
      lost.abort();
    }
  }

  /**
   * Stores values without waiting for an answer to each; resolves when all of them were executed.
   * @param {readonly string[]} keys
   * @param {(key: string) => string} value of ASCII characters
   */
  async setAll(keys, value) {
    for (let from = 0; from < keys.length; from += 1_000) {
      const commands = keys.slice(from, from + 1_000).map((key) => {
        const text = value(key);
        return `set ${key} 0 0 ${text.length} noreply\r\n${text}\r\n`;
      });
      if (!this.#socket.write(commands.join(""))) await once(this.#socket, "drain");
    }
    await this.ask("version");
  }

  /**
   * Deletes keys without waiting for an answer to each; resolves when all of them were executed.
   * @param {readonly string[]} keys
   */
  async deleteAll(keys) {
    for (let from = 0; from < keys.length; from += 1_000) {
      const commands = keys.slice(from, from + 1_000).map((key) => `delete ${key} noreply\r\n`);
      if (!this.#socket.write(commands.join(""))) await once(this.#socket, "drain");
    }
    await this.ask("version");
  }

  /** @returns {Promise<number>} items that the node holds */
  async itemCount() {
    const stats = await this.ask("stats", (answer) => answer.endsWith("END\r\n"));
    return Number(/^STAT curr_items (\d+)/m.exec(stats)?.[1]);
  }

  /**
   * Which of these keys the node holds now.
   * @param {readonly string[]} keys
   * @returns {Promise<Set<string>>}
   */
  async present(keys) {
    if (keys.length === 0) return new Set();
    const answer = await this.ask(`mg ${keys.join(" k\r\nmg ")} k\r\nmn`, (text) => text.endsWith("MN\r\n"));
    return new Set([...answer.matchAll(/^HD k(\S+)/gm)].map(([, key = ""]) => key));
  }

  close() {
    this.#socket.destroy();
  }
}
