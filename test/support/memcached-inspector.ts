// Reads memcached by a path that shares no code with libs/: a checker that used the code under test would
// share its mistakes.
import { connect } from "node:net";

/** What one node holds: key → raw value. Keys that the text protocol can't ask for have the value undefined. */
export type NodeContents = Map<string, string | undefined>;

/** Lists every key on a node ("host:port") with its value. */
export async function inspectNode(node: string): Promise<NodeContents> {
  const contents: NodeContents = new Map();
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

/** Reads one key of a node; undefined when it is absent. */
export async function readKey(node: string, key: string): Promise<string | undefined> {
  const valueBytes = (answer: string): [start: number, end: number] | undefined => {
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

/** Stores a value as a foreign client would, without flags. */
export async function writeKey(node: string, key: string, value: string, ttlSeconds = 0): Promise<void> {
  const bytes = Buffer.byteLength(value);
  await ask(node, `set ${key} 0 ${ttlSeconds} ${bytes}\r\n${value}\r\n`, (answer) => answer === "STORED\r\n");
}

async function listKeys(node: string): Promise<string[]> {
  for (;;) {
    const answer = await ask(node, "lru_crawler metadump all\r\n", (soFar) =>
      /(?:^|\n)(?:END|BUSY.*)\r\n$/.test(soFar),
    );
    // Another crawl is under way on the node; it is over within milliseconds.
    if (!answer.includes("BUSY")) {
      return [...answer.matchAll(/^key=(\S+) /gm)].map(([, key = ""]) => decodeURIComponent(key));
    }
  }
}

/** One command on a connection of its own; resolves with the answer once it is complete. */
function ask(node: string, command: string, isComplete: (answer: string) => boolean): Promise<string> {
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
