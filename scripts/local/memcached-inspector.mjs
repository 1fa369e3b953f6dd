// Reads memcached by a path that shares no code with libs/: a checker that used the code under test would
// share its mistakes.
import { connect } from "node:net";

/** Keys of one request: a connection for each key would use up the machine's ports at 20,000 of them. */
const KEYS_AT_ONCE = 200;

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
  const plain = [];
  for (const key of await listKeys(node))
    if (/^[\x21-\x7e]{1,250}$/.test(key)) plain.push(key);
    else contents.set(key, undefined);
  // Those that have expired or were deleted since they were listed are not answered.
  for (let from = 0; from < plain.length; from += KEYS_AT_ONCE)
    for (const [key, value] of await readKeys(node, plain.slice(from, from + KEYS_AT_ONCE)))
      contents.set(key, value);
  return contents;
}

/**
 * Reads one key of a node; undefined when it is absent.
 * @param {string} node host:port
 * @param {string} key
 * @returns {Promise<string | undefined>}
 */
export async function readKey(node, key) {
  return (await readKeys(node, [key])).get(key);
}

/**
 * @param {string} node host:port
 * @param {readonly string[]} keys
 * @returns {Promise<Map<string, string>>} those that are there
 */
async function readKeys(node, keys) {
  const answer = await ask(node, `get ${keys.join(" ")}\r\n`, (soFar) => valuesIn(soFar) !== undefined);
  return valuesIn(answer) ?? new Map();
}

/**
 * @param {string} answer of a get, one character per byte
 * @returns {Map<string, string> | undefined} undefined while it is not complete
 */
function valuesIn(answer) {
  const values = new Map();
  for (let at = 0; ;) {
    const lineEnd = answer.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const [, key, size] = /^VALUE (\S+) \d+ (\d+)$/.exec(answer.slice(at, lineEnd)) ?? [];
    if (key === undefined) return values; // END, or an error
    const start = lineEnd + 2;
    const end = start + Number(size);
    if (answer.length < end + 2) return undefined;
    values.set(key, Buffer.from(answer.slice(start, end), "latin1").toString("utf8"));
    at = end + 2;
  }
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
