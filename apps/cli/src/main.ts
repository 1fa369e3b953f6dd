import { setTimeout as delay } from "node:timers/promises";
import { processEnvironment } from "./config.ts";
import { run } from "./run.ts";

const interrupted = 130;
/** How long a command may take to say goodbye to its servers after Ctrl-C. */
const goodbyeMs = 2_000;

const stop = new AbortController();
const end = new Promise<number>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      stop.abort();
      void delay(goodbyeMs).then(() => {
        resolve(interrupted);
      });
    });
});
// `freshet … | head`: who reads has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 2);
});

const { stdin, stdout, stderr } = process;
const io = { stdin, stdout, stderr, environment: processEnvironment(), signal: stop.signal };
// A socket that hangs must not keep the process; output to files and pipes is written by now.
process.exit(await Promise.race([run(process.argv.slice(2), io), end]));
