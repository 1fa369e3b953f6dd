// The tests that take many minutes, on servers of their own:
//   npm run test:kills -- [--rounds 200] [--seed 7]   kill -9 at random steps of both ways; the seed replays the steps
//   npm run test:long                                 all of them
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string" }, seed: { type: "string" } },
});
for (const [name, value] of Object.entries(values))
  if (!/^[1-9]\d*$/.test(value)) {
    console.error(`--${name} ${value}: give a whole number from 1 on`);
    process.exit(2);
  }
await build();
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const config = ["--config", "vitest.long.config.ts", "--disable-console-intercept"];
const { status } = spawnSync(process.execPath, [vitest, "run", ...config, ...positionals], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  stdio: "inherit",
  env: {
    ...process.env,
    ...(values.rounds === undefined ? {} : { KILL_ROUNDS: values.rounds }),
    ...(values.seed === undefined ? {} : { KILL_SEED: values.seed }),
  },
});
process.exitCode = status ?? 1;
