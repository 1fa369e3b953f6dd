import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Runs a command to its end and answers what it printed; rejects with its last lines when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, signal?: AbortSignal | undefined }} [options]
 * @returns {Promise<string>}
 */
export async function run(command, args, { env = process.env, signal } = {}) {
  try {
    const options = { cwd: ROOT, env, signal, maxBuffer: 64 * 1_048_576 };
    const { stdout } = await promisify(execFile)(command, args, options);
    return stdout.trim();
  } catch (error) {
    signal?.throwIfAborted();
    const output = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw new Error(`${command} ${args.join(" ")} failed:\n${output.trim().slice(-3_000)}`);
  }
}

/**
 * Why no stack can be started here; undefined when one can.
 * @returns {Promise<string | undefined>}
 */
export async function whyNoEngine() {
  for (const args of [["version"], ["compose", "version"]])
    try {
      await run("docker", args);
    } catch (error) {
      const [, reason = "docker does not answer"] = String(error).split("\n");
      return reason;
    }
  return undefined;
}

/** The stack of docker-compose.yml under a project name, an image tag and ports of its own. */
export class Stack {
  #project;
  #env;
  /** @type {AbortSignal | undefined} */
  #signal;

  /** @param {{ project: string, ports: Record<string, number>, signal: AbortSignal }} options */
  constructor({ project, ports, signal }) {
    this.#project = project;
    this.#signal = signal;
    const variables = Object.entries(ports).map(([name, port]) => [name, String(port)]);
    this.#env = { ...process.env, FRESHET_TAG: project, ...Object.fromEntries(variables) };
  }

  /**
   * A variable of the compose file, from now on.
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    this.#env = { ...this.#env, [name]: value };
  }

  /** @param {string[]} args of `docker compose` */
  compose(...args) {
    const files = ["--file=docker-compose.yml", "--file=scripts/compose/test.yml"];
    return this.docker("compose", `--project-name=${this.#project}`, ...files, ...args);
  }

  /** @param {string[]} args */
  docker(...args) {
    return run("docker", args, { env: this.#env, signal: this.#signal });
  }

  /**
   * What the inspector sees from inside.
   * @param {string[]} args
   * @returns {Promise<unknown>}
   */
  async inspect(...args) {
    /** @type {unknown} */
    const saw = JSON.parse(await this.compose("run", "--rm", "--no-deps", "-T", "inspector", ...args));
    return saw;
  }

  /**
   * The names of the containers that run for a service, or for all.
   * @param {string} [service]
   */
  async containers(service) {
    const names = await this.compose("ps", "--format={{.Name}}", ...(service === undefined ? [] : [service]));
    return names.split("\n").filter(Boolean).sort();
  }

  /** Takes everything down, the volumes too; also after an interrupt. */
  async remove() {
    this.#signal = undefined;
    await this.compose("--profile=*", "down", "--volumes", "--remove-orphans", "--timeout=10");
  }
}
