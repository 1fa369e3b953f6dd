// Reads memcached by a path that shares no code with libs/: a checker that used the code under test would
// share its mistakes.
import { connect } from "node:net";

/**
 * What one node holds: key → raw value. Keys that the text protocol can't ask for have the value undefined.
 * @typedef {Map<string, string | undefined>} NodeContents
 */

/**
 * Lists every key on a node with its value.
 * @param {string} node host:port
 * @returns {Promise<NodeContents>}
 */
export async function inspectNode(node) {
  /** @type {NodeContents} */
  const contents = new Map();
  for (const key of await listKeys(node)) {
    if (!/^[\x21-\x7e]{1,250}$/.test(key)) {
      contents.set(key, undefined);
      continue;
    }
    const value = await readKey(node, key);
    // Expired or deleted since it was listed.
    if (value !== undefined) contents.set(key, value);
  }
  return contents;
}

/**
 * Reads one key of a node; undefined when it is absent.
 * @param {string} node host:port
 * @param {string} key
 * @returns {Promise<string | undefined>}
 */
export async function readKey(node, key) {
  /**
   * @param {string} answer
   * @returns {[start: number, end: number] | undefined}
   */
  const valueBytes = (answer) => {
    const head = /^VALUE \S+ \d+ (\d+)\r\n/.exec(answer);
    return head ? [head[0].length, head[0].length + Number(head[1])] : undefined;
  };
  const answer = await ask(node, `get ${key}\r\n`, (soFar) => {
    const bytes = valueBytes(soFar);
    return bytes ? soFar.length >= bytes[1] + "\r\nEND\r\n".length : soFar.endsWith("\r\n");
  });
  const bytes = valueBytes(answer);
  return (
    bytes &&
    Buffer.from(answer, "latin1")
      .subarray(...bytes)
      .toString("utf8")
  );
}

/**
 * The seconds that a key has left on a node; undefined when it is absent.
 * @param {string} node host:port
 * @param {string} key
 * @returns {Promise<number | undefined>}
 */
export async function secondsLeft(node, key) {
  const answer = await ask(node, `mg ${key} t\r\n`, (soFar) => soFar.endsWith("\r\n"));
  const seconds = /^HD t(\d+)/.exec(answer)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

/**
 * Stores a value as a foreign client would, without flags.
 * @param {string} node host:port
 * @param {string} key
 * @param {string} value
 * @param {number} [ttlSeconds]
 */
export async function writeKey(node, key, value, ttlSeconds = 0) {
  const bytes = Buffer.byteLength(value);
  await ask(node, `set ${key} 0 ${ttlSeconds} ${bytes}\r\n${value}\r\n`, (answer) => answer === "STORED\r\n");
}

/**
 * Lists the keys of a node.
 * @param {string} node host:port
 * @returns {Promise<string[]>}
 */
export async function listKeys(node) {
  for (;;) {
    // "all" walks the LRU lists: 23 of 40 looks at a fresh node lacked keys that were there; by the hash table, none.
    const answer = await ask(node, "lru_crawler metadump hash\r\n", (soFar) =>
      /(?:^|\n)(?:END|BUSY.*)\r\n$/.test(soFar),
    );
    // Another crawl is under way on the node; it is over within milliseconds.
    if (!answer.includes("BUSY")) {
      return [...answer.matchAll(/^key=(\S+) /gm)].map(([, key = ""]) => decodeURIComponent(key));
    }
  }
}

/**
 * One command on a connection of its own; resolves with the answer once it is complete.
 * @param {string} node host:port
 * @param {string} command
 * @param {(answer: string) => boolean} isComplete
 * @returns {Promise<string>}
 */
function ask(node, command, isComplete) {
  const [host = "", port = ""] = node.split(":");
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect({ host, port: Number(port), timeout: 5_000 });
    socket.on("data", (data) => {
      answer += data.toString("latin1");
      if (!isComplete(answer)) return;
      socket.destroy();
      resolve(answer);
    });
    socket.once("connect", () => socket.write(command));
    socket.once("error", reject);
    socket.once("end", () => {
      reject(new Error(`${node} closed the connection after ${JSON.stringify(answer.slice(-200))}`));
    });
    socket.once("timeout", () =>
      socket.destroy(new Error(`${node} does not answer; so far ${JSON.stringify(answer.slice(-200))}`)),
    );
  });
}
