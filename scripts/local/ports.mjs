import { createServer } from "node:net";

export const LOOPBACK = "127.0.0.1";

/**
 * Whether a server could listen on this port of the loopback address now.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isPortFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => {
      resolve(false);
    });
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () =>
      probe.close(() => {
        resolve(true);
      }),
    );
  });
}

/**
 * A free port that no other process which asks here is given while this one lives. It lies below the range that the
 * kernel gives to outgoing connections (from 32768 on): asking for port 0 would hand out one that another process's
 * connection may take before the server has started.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if ((await claim(port)) && (await isPortFree(port))) return port;
  }
}

/**
 * Takes a name that the kernel gives to one process alone and frees at its end, however that comes: a socket in
 * Linux's abstract namespace. Elsewhere there is none, and the port counts as claimed.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function claim(port) {
  return new Promise((resolve) => {
    const holder = createServer().unref();
    holder.once("error", (error) => {
      resolve("code" in error && error.code !== "EADDRINUSE");
    });
    holder.listen({ path: `\0freshet-port-${port}`, exclusive: true }, () => {
      resolve(true);
    });
  });
}
