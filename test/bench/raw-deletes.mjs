// The bare meta protocol, in a process of its own: `md <key> q`, 1,000 to a chunk, each acknowledged by one `mn`, two
// chunks in flight on each node. Prints one line of JSON. What it is given on stdin are its keys by node.
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

const CHUNK = 1_000;

/** @type {[string, string[]][]} */
const owned = JSON.parse(await text(process.stdin));
const chunks = owned.map(([node, keys]) => ({
  node,
  chunks: Array.from({ length: Math.ceil(keys.length / CHUNK) }, (_, n) =>
    keys.slice(n * CHUNK, (n + 1) * CHUNK),
  ),
}));
const keys = owned.reduce((sum, [, some]) => sum + some.length, 0);
const began = performance.now();
const cpu = process.cpuUsage();
await Promise.all(chunks.map(deleteOn));
const seconds = (performance.now() - began) / 1_000;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ keysPerSecond: keys / seconds, cpuMicrosPerKey: (user + system) / keys }));

/** @param {{ node: string, chunks: string[][] }} work */
async function deleteOn({ node, chunks: all }) {
  const [host = "", port = ""] = node.split(":");
  const socket = connect({ host, port: Number(port), noDelay: true });
  await once(socket, "connect");
  let sent = 0;
  let acknowledged = 0;
  const send = () => {
    const chunk = all[sent];
    if (!chunk) return;
    sent += 1;
    socket.write(`md ${chunk.join(" q\r\nmd ")} q\r\nmn\r\n`);
  };
  await new Promise((resolve, reject) => {
    socket.on("error", reject).on("data", (data) => {
      // Every key is there, so that only the no-ops are answered.
      const answers = data.toString("latin1").split("MN\r\n").length - 1;
      acknowledged += answers;
      for (let n = 0; n < answers; n += 1) send();
      if (acknowledged === all.length) resolve(undefined);
    });
    send();
    send();
  });
  socket.destroy();
}
