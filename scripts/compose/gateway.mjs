// One address before any number of replicas: passes each TCP connection on to one of the addresses that the
// target's name has at that moment, and to the next one when that does not answer.
// node gateway.mjs <port> <host:port>
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream/promises";

const CONNECT_TIMEOUT_MS = 1_000;
/** How long open connections may go on after a stop signal; a browser keeps idle ones for over a minute. */
const GOODBYE_MS = 5_000;
const [port = "", target = ""] = process.argv.slice(2);
const [host = "", targetPort = ""] = target.split(":");
let turn = 0;

const server = createServer({ allowHalfOpen: true, keepAlive: true, pauseOnConnect: true }, (client) => {
  client.on("error", () => undefined); // it is destroyed then, and pipeline below rejects
  passOn(client).catch((/** @type {unknown} */ error) => {
    client.destroy();
    console.error(`${target}: ${String(error)}`);
  });
});
server.listen(Number(port), "0.0.0.0", () => {
  console.log(`passing port ${port} on to ${target}`);
});
for (const signal of ["SIGTERM", "SIGINT"])
  process.once(signal, () => {
    server.close();
    setTimeout(() => process.exit(), GOODBYE_MS).unref();
  });

/** @param {import("node:net").Socket} client */
async function passOn(client) {
  const replica = await connectToOne();
  await Promise.all([pipeline(client, replica), pipeline(replica, client)]);
}

async function connectToOne() {
  const addresses = await lookup(host, { all: true, family: 4 });
  turn += 1;
  /** @type {unknown} */
  let last = new Error("its name has no address");
  for (let tried = 0; tried < addresses.length; tried += 1) {
    const { address } = addresses[(turn + tried) % addresses.length] ?? { address: host };
    const replica = connect({ host: address, port: Number(targetPort), allowHalfOpen: true });
    const timer = setTimeout(
      () => replica.destroy(new Error(`${address} does not answer`)),
      CONNECT_TIMEOUT_MS,
    );
    try {
      await once(replica, "connect");
      return replica;
    } catch (error) {
      last = error;
    } finally {
      clearTimeout(timer);
    }
  }
  throw last;
}
