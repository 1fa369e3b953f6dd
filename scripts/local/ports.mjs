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
 * A free port below the range that the kernel gives to outgoing connections (from 32768 on): asking for port
 * 0 would hand out one that another process's connection may take before the server has started.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (await isPortFree(port)) return port;
  }
}
