// npm run dev: both apps on servers that run already, restarted at every change of an app or a library.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, packages } from "./build.mjs";
import { migrate } from "./local/apps.mjs";
import { runCommand } from "./local/run-command.mjs";
import { startPorts } from "./local/start-ports.mjs";
import { memcachedEnvironment } from "./local/servers.mjs";
import { abortAtStopSignals } from "./local/stop-signals.mjs";
import { ensureTopics } from "./local/topics.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TOPICS = ["profile.events.v1"];

const ports = startPorts(process.env);
const local = (/** @type {{ port: number }} */ { port }) => `127.0.0.1:${port}`;
const env = {
  KAFKA_BROKERS: local(ports.kafka),
  DATABASE_URL: `postgres://freshet:freshet@${local(ports.postgres)}/freshet`,
  ...memcachedEnvironment({
    profiles: ports.memcached.profiles.map(local),
    teams: ports.memcached.teams.map(local),
  }),
  MANIFESTS_DIR: join(ROOT, "deploy/manifests"),
  SERVICE_URL_PROFILE_SERVICE: `http://${local(ports.profileServiceInternal)}`,
  ...process.env,
};
const signal = abortAtStopSignals();

try {
  await build(signal);
  await serversAnswer();
  await migrate(env.DATABASE_URL, signal);
  console.log(
    `profile-service: http://${local(ports.profileService)}, invalidator: http://${local(ports.invalidator)}/`,
  );
  await watch();
} catch (error) {
  if (!signal.aborted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = signal.aborted ? 130 : 1;
}

async function serversAnswer() {
  try {
    await ensureTopics(env.KAFKA_BROKERS.split(","), TOPICS);
  } catch (cause) {
    throw new Error(
      `Kafka does not answer on ${env.KAFKA_BROKERS}. Start the servers: docker compose -f docker-compose.dev.yml up --wait`,
      { cause },
    );
  }
}

/** Never resolves: one that ends takes the others with it. A file that does not compile ends none of them. */
async function watch() {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const app = (/** @type {string} */ name) => [
    "--watch-preserve-output",
    "--watch",
    "--enable-source-maps",
    join(ROOT, "apps", name, "dist/main.js"),
  ];
  const invalidator = { PORT: String(ports.invalidator.port) };
  const profileService = {
    PORT: String(ports.profileService.port),
    INTERNAL_PORT: String(ports.profileServiceInternal.port),
  };
  const children = [
    node([tsc, "--build", "--watch", "--preserveWatchOutput", ...packages()], {}, either),
    node(app("profile-service"), profileService, either),
    node(app("invalidator"), invalidator, either),
  ];
  try {
    await Promise.race(children);
    throw new Error("a process of npm run dev has ended by itself");
  } finally {
    ended.abort(new Error("another process of npm run dev has ended"));
    await Promise.allSettled(children);
  }
}

/**
 * @param {string[]} args
 * @param {Record<string, string>} own
 * @param {AbortSignal} either
 */
function node(args, own, either) {
  return runCommand(process.execPath, args, {
    signal: either,
    env: { ...env, ...own },
    onOutput: (text) => process.stdout.write(text),
  });
}
