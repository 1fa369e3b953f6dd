import { connect } from "node:net";
import { once } from "node:events";

/** One command of the text or meta protocol, as an operator types it; answers everything up to the last line. */
export async function raw(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  socket.write(`${command}\r\nmn\r\n`);
  let text = "";
  socket.on("data", (chunk) => {
    text += String(chunk);
    if (text.endsWith("MN\r\n")) socket.end();
  });
  await once(socket, "close");
  return text.slice(0, -"MN\r\n".length);
}

/** A blind set, as the naive readers of the tests do it (and no driver offers). */
export async function blindSet(port: number, key: string, value: string): Promise<void> {
  await raw(port, `set ${key} 0 60 ${Buffer.byteLength(value)}\r\n${value}`);
}

/** The bytes under a key as text. */
export async function peek(port: number, key: string): Promise<string | undefined> {
  return /^VA \d+\r\n([\s\S]*)\r\n$/.exec(await raw(port, `mg ${key} v`))?.[1];
}

/** The rest of a key's life, in seconds. */
export async function ttlOf(port: number, key: string): Promise<number | undefined> {
  const seconds = /^HD t(\d+)/.exec(await raw(port, `mg ${key} t`))?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
