// The tests that take many minutes, on servers of their own:
//   npm run test:kills -- [--rounds 200] [--seed 7]   kill -9 at random steps of both ways; the seed replays the steps
//   npm run test:fan-out -- [--profiles 10000] [--teams 500] [--minutes 3] [--seed 7]   three services, three pools
//   npm run test:backlog -- [--rows 1000000]          so many events wait while the broker is away
//   npm run test:drain -- [--rows 1000000] [--slow-pool-ms 400]   an invalidator drains as many, one pool answering as
//     slowly as that, then catches a node up
//   npm run test:audit -- [--checks 1000000]          the auditor finds nothing in so many checks of a healthy system
//   npm run test:faults -- [--schedules 100] [--seed 7] [--worlds 2] [--minutes 60] [--json report.json]   one to three
//     faults at a time, of every process and connection of each world; [--schedule 31] plays that one of the seed alone
//   npm run test:planted                              the same, on apps with one defect each: it must be found
//   npm run test:fuzz -- [--inputs 1000000] [--seed 7]  so many hostile events, and a tenth as many manifests
//   npm run test:long                                 all of them
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    seed: { type: "string" },
    profiles: { type: "string" },
    teams: { type: "string" },
    minutes: { type: "string" },
    rows: { type: "string" },
    "slow-pool-ms": { type: "string" },
    checks: { type: "string" },
    schedules: { type: "string" },
    worlds: { type: "string" },
    schedule: { type: "string" },
    json: { type: "string" },
    inputs: { type: "string" },
  },
});
const { json, ...numbers } = values;
for (const [name, value] of Object.entries(numbers))
  if (!/^[1-9]\d*$/.test(value)) {
    console.error(`--${name} ${value}: give a whole number from 1 on`);
    process.exit(2);
  }
await build();
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const config = ["--config", "vitest.long.config.ts", "--disable-console-intercept"];
const { status } = spawnSync(process.execPath, [vitest, "run", ...positionals, ...config], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  stdio: "inherit",
  env: {
    ...process.env,
    ...(values.rounds === undefined ? {} : { KILL_ROUNDS: values.rounds }),
    ...(values.seed === undefined
      ? {}
      : {
          KILL_SEED: values.seed,
          FAN_OUT_SEED: values.seed,
          FAULT_SEED: values.seed,
          FUZZ_SEED: values.seed,
        }),
    ...(values.rows === undefined ? {} : { BACKLOG_ROWS: values.rows }),
    ...(values["slow-pool-ms"] === undefined ? {} : { DRAIN_SLOW_POOL_MS: values["slow-pool-ms"] }),
    ...(values.inputs === undefined ? {} : { FUZZ_INPUTS: values.inputs }),
    ...(values.checks === undefined ? {} : { AUDIT_CHECKS: values.checks }),
    ...(values.profiles === undefined ? {} : { FAN_OUT_PROFILES: values.profiles }),
    ...(values.teams === undefined ? {} : { FAN_OUT_TEAMS: values.teams }),
    ...(values.minutes === undefined
      ? {}
      : { FAN_OUT_SECONDS: String(Number(values.minutes) * 60), FAULT_MINUTES: values.minutes }),
    ...(values.schedules === undefined ? {} : { FAULT_SCHEDULES: values.schedules }),
    ...(values.worlds === undefined ? {} : { FAULT_WORLDS: values.worlds }),
    ...(values.schedule === undefined ? {} : { FAULT_SCHEDULE: values.schedule }),
    ...(json === undefined ? {} : { FAULT_REPORT: resolve(json) }),
  },
});
process.exitCode = status ?? 1;
