import { connect } from "node:net";
import { join } from "node:path";
import { LOOPBACK } from "./ports.mjs";
import { ServerProcess } from "./server-process.mjs";

/**
 * A memcached node on 127.0.0.1, not started yet.
 * @param {{ port: number, logDir: string, memoryMb?: number }} options
 */
export function memcachedNode({ port, logDir, memoryMb = 64 }) {
  return new ServerProcess({
    name: `memcached node ${LOOPBACK}:${port}`,
    port,
    command: "memcached",
    args: ["-l", LOOPBACK, "-p", String(port), "-U", "0", "-m", String(memoryMb)],
    logFile: join(logDir, `memcached-${port}.log`),
    stopSignal: "SIGTERM",
    unprivileged: [],
    answers: () => askVersion(port),
  });
}

/**
 * Asks a node on 127.0.0.1 for its version; rejects when it does not answer as memcached within a second.
 * @param {number} port
 * @param {string} [host]
 * @returns {Promise<string>}
 */
function askVersion(port, host = LOOPBACK) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, timeout: 1_000 });
    socket.once("connect", () => socket.write("version\r\n"));
    socket.once("data", (data) => {
      socket.destroy();
      const version = /^VERSION (\S+)/.exec(data.toString("latin1"))?.[1];
      if (version) resolve(version);
      else reject(new Error(`${host}:${port} does not answer as memcached`));
    });
    socket.once("timeout", () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.once("error", reject);
  });
}
