import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { LOOPBACK } from "./ports.mjs";
import { waitUntil } from "./wait.mjs";

/** `nobody`, on every Debian: PostgreSQL and memcached refuse to run as root. */
export const UNPRIVILEGED_ID = 65_534;

/**
 * @typedef {object} ServerOptions
 * @property {string} name as it reads in messages
 * @property {number} port on 127.0.0.1
 * @property {string} command
 * @property {string[]} args
 * @property {string} logFile gets stdout and stderr, appended
 * @property {() => Promise<unknown>} answers resolves once the server does its job, rejects until then
 * @property {NodeJS.Signals} stopSignal asks for a clean end
 * @property {NodeJS.ProcessEnv} [env] this process's own unless told
 * @property {string[]} [unprivileged] run without root; these are the paths that it must reach
 */

/**
 * Puts a command under the kernel's guard: when this process ends, however it ends (SIGKILL too), the kernel
 * sends the command `deathSignal`. With `unprivileged` it also leaves root behind, and where the paths lie
 * below a folder closed to others (a clone in /root) keeps only the right to reach them.
 * @param {string} command
 * @param {string[]} args
 * @param {{ deathSignal: NodeJS.Signals, unprivileged?: string[] | undefined }} options
 * @returns {[string, string[]]}
 */
export function guarded(command, args, { deathSignal, unprivileged }) {
  const flags = [`--pdeathsig=${deathSignal.replace("SIG", "")}`];
  if (unprivileged && process.getuid?.() === 0) {
    flags.push(`--reuid=${UNPRIVILEGED_ID}`, `--regid=${UNPRIVILEGED_ID}`, "--clear-groups");
    // Without no_setuid_fixup access(2), by which PostgreSQL checks its own files, would overlook the right.
    if (!unprivileged.every(reachableByAll))
      flags.push("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override");
  }
  return ["setpriv", [...flags, "--", command, ...args]];
}

/** @param {string} path */
function reachableByAll(path) {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/**
 * @param {number} pid
 * @returns {string[]} pids
 */
function childrenOf(pid) {
  // Its main thread starts them: threads that come and go need not be looked at.
  return ofProcess(pid, `task/${pid}/children`).split(" ").filter(Boolean);
}

/**
 * A zombie has ended; it has no command line any more.
 * @param {string} pid
 */
function isAlive(pid) {
  return ofProcess(pid, "cmdline") !== "";
}

/**
 * @param {number | string} pid
 * @param {string} file
 */
function ofProcess(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/**
 * One real server as a child process. It can be stopped, killed, frozen and started again on the same port
 * and data, and never outlives this process.
 */
export class ServerProcess {
  /** @type {ServerOptions} */
  #options;
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child;
  /** @type {Promise<string>} */
  #ended = Promise.resolve("not started");

  /** @param {ServerOptions} options */
  constructor(options) {
    this.#options = options;
  }

  get name() {
    return this.#options.name;
  }

  get port() {
    return this.#options.port;
  }

  /** host:port */
  get address() {
    return `${LOOPBACK}:${this.#options.port}`;
  }

  get logFile() {
    return this.#options.logFile;
  }

  /** Process id, undefined while it does not run. */
  get pid() {
    return this.#child?.pid;
  }

  /** Resolves with "code 0" or "signal SIGKILL" once the running process has ended. */
  get ended() {
    return this.#ended;
  }

  /**
   * Starts the process and resolves when it answers. Rejects with the tail of its log when it ends before.
   * @param {AbortSignal} [signal]
   */
  async start(signal) {
    if (this.#child) throw new Error(`${this.name} runs already, with pid ${this.pid}`);
    const { command, args, env = process.env, stopSignal, unprivileged, answers } = this.#options;
    mkdirSync(dirname(this.logFile), { recursive: true });
    const log = openSync(this.logFile, "a");
    const [file, argv] = guarded(command, args, { deathSignal: stopSignal, unprivileged });
    // A session of its own: Ctrl-C in the terminal reaches only us, and we stop things in order.
    const child = spawn(file, argv, { detached: true, env, stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    const gaveUp = new AbortController();
    this.#ended = new Promise((resolve) => {
      const end = (/** @type {string} */ how) => {
        this.#child = undefined;
        gaveUp.abort(new Error(`${this.name} ended before it answered: ${how}\n${this.log().slice(-2_000)}`));
        resolve(how);
      };
      child.once("error", (error) => {
        end(error.message);
      });
      child.once("exit", (code, killedBy) => {
        end(killedBy ? `signal ${killedBy}` : `code ${code}`);
      });
    });
    try {
      await waitUntil(`${this.name} on ${this.address}`, () => answers().then(() => true), {
        timeoutMs: 120_000,
        // Asking Kafka is dear: every 25 ms it took 2 s of processor time from the broker's start.
        intervalMs: 100,
        signal: signal ? AbortSignal.any([signal, gaveUp.signal]) : gaveUp.signal,
      });
    } catch (error) {
      const endedByItself = gaveUp.signal.aborted;
      await this.kill();
      throw endedByItself ? gaveUp.signal.reason : error;
    }
  }

  /** Asks it to end and waits; after 15 s it is killed. */
  async stop() {
    this.#signal(this.#options.stopSignal);
    this.resume();
    const killer = setTimeout(() => {
      this.#signal("SIGKILL");
    }, 15_000);
    await this.#ended;
    clearTimeout(killer);
  }

  /**
   * kill -9, and waits until it is gone, with the processes that it had started itself: PostgreSQL's outlive
   * it for some milliseconds, in which a new one refuses to start.
   */
  async kill() {
    const helpers = this.pid === undefined ? [] : childrenOf(this.pid);
    this.#signal("SIGKILL");
    await this.#ended;
    await waitUntil(`the end of ${this.name}'s own processes`, () => !helpers.some(isAlive), {
      timeoutMs: 30_000,
    });
  }

  /** Freezes it: connections stay open and nothing answers. */
  pause() {
    this.#signal("SIGSTOP");
  }

  resume() {
    this.#signal("SIGCONT");
  }

  /** What it has logged so far, over all its lives. */
  log() {
    return readFileSync(this.logFile, "utf8");
  }

  /** @param {NodeJS.Signals} signal */
  #signal(signal) {
    this.#child?.kill(signal);
  }
}
