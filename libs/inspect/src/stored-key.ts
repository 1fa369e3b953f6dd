import { once } from "node:events";
import { connect } from "node:net";
import { FreshetError } from "@freshet/contracts";

/** What a node holds under a key. */
export interface StoredKey {
  readonly bytes: Buffer;
  /** How long it has to live; null: for ever. */
  readonly expiresInSeconds: number | null;
}

const header = /^VA (\d+) t(-?\d+)\r\n/;

/**
 * Asks one node by the meta protocol, which tells the rest of a value's life; undefined: it holds nothing there. A
 * connection of its own for each question: it is a person who asks.
 * @throws FreshetError CACHE_CONNECTION, CACHE_TIMEOUT, CACHE_SERVER_ERROR
 */
export async function storedUnder(
  node: string,
  key: string,
  timeoutMs: number,
): Promise<StoredKey | undefined> {
  const colon = node.lastIndexOf(":");
  const socket = connect({ host: node.slice(0, colon), port: Number(node.slice(colon + 1)) });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await once(socket, "connect", { signal });
    socket.write(`mg ${key} t v\r\n`);
    let answer = Buffer.alloc(0);
    for (;;) {
      const [chunk] = (await once(socket, "data", { signal })) as [Buffer];
      answer = Buffer.concat([answer, chunk]);
      const text = answer.toString("latin1");
      if (text.startsWith("EN\r\n")) return undefined;
      const [head = "", size = "", life = ""] = header.exec(text) ?? [];
      if (head !== "" && answer.length >= head.length + Number(size) + 2)
        return {
          bytes: answer.subarray(head.length, head.length + Number(size)),
          expiresInSeconds: life === "-1" ? null : Number(life),
        };
      if (head === "" && text.includes("\r\n"))
        throw new FreshetError("CACHE_SERVER_ERROR", `${node}: ${text.split("\r\n", 1)[0] ?? ""}`);
    }
  } catch (error) {
    if (error instanceof FreshetError) throw error;
    const code = signal.aborted ? "CACHE_TIMEOUT" : "CACHE_CONNECTION";
    const why = signal.aborted ? "no answer in time" : error instanceof Error ? error.message : String(error);
    throw new FreshetError(code, `${node}: ${why}`, { cause: error });
  } finally {
    socket.destroy();
  }
}
