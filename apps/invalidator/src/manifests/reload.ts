import { type FSWatcher, watch } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { FreshetError } from "@freshet/contracts";
import { compileManifests, type LoadedManifests, readManifests, type ReadManifests } from "./load.ts";

/** A set of manifests that was not taken; what runs stays. */
interface Refusal {
  readonly message: string;
  readonly sinceMs: number;
}

/** What becomes of the folder, for metrics and logs. */
export type ReloadEvent =
  | { readonly type: "taken"; readonly hash: string; readonly before: string }
  | { readonly type: "refused"; readonly error: unknown }
  /** The folder holds again what runs. */
  | { readonly type: "restored"; readonly hash: string };

/** A folder that changes in several steps is read when it has been the same for this long, in ms. */
const settledMs = 200;
/** Not every file system tells of changes: the folder is looked at this often anyway, in ms. */
const lookEveryMs = 5_000;

/**
 * Takes what the manifests folder holds whenever it changes: told by the file system, by `check` (SIGHUP) or by a
 * look every 5 s, so that it does not matter how the files are replaced (in place, by a rename, by a symbolic link
 * as Kubernetes does). A set is taken or refused as a whole; one that was refused is tried again at every look,
 * since what it lacked (a topic) may come.
 */
export class ManifestReload {
  readonly #folder: string;
  readonly #apply: (manifests: LoadedManifests) => Promise<void>;
  readonly #onEvent: (event: ReloadEvent) => void;
  readonly #stopped = new AbortController();
  #hash: string;
  #refusal: Refusal | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #isQueued = false;

  /** `apply` rejects with a FreshetError, having changed nothing, when it can't take a set. */
  constructor(options: {
    folder: string;
    running: LoadedManifests;
    apply: (manifests: LoadedManifests) => Promise<void>;
    onEvent: (event: ReloadEvent) => void;
  }) {
    this.#folder = options.folder;
    this.#hash = options.running.hash;
    this.#apply = options.apply;
    this.#onEvent = options.onEvent;
  }

  /** Of the set that runs. */
  get hash(): string {
    return this.#hash;
  }

  /** Why the folder's set does not run. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  start(): void {
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, () => {
        this.check();
      });
      this.#watcher.on("error", () => undefined); // the regular look goes on
    } catch {
      // The folder is gone or can't be watched: the regular look tells.
    }
    this.#timer = setInterval(() => {
      this.check();
    }, lookEveryMs).unref();
  }

  /** Looks at the folder soon. */
  check(): void {
    if (this.#isQueued || this.#stopped.signal.aborted) return;
    this.#isQueued = true;
    this.#working = this.#working.then(() => this.#look());
  }

  /** Ends the look under way. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#watcher?.close();
    clearInterval(this.#timer);
    await this.#working;
  }

  async #look(): Promise<void> {
    this.#isQueued = false; // what changes from here on is read below, or asked for again
    try {
      const read = await this.#readSettled();
      if (read === undefined) return;
      if (read.hash !== this.#hash) await this.#take(read);
      else if (this.#refusal !== undefined) this.#onEvent({ type: "restored", hash: read.hash });
      this.#refusal = undefined;
    } catch (error) {
      this.#refuse(error);
    }
  }

  async #take(read: ReadManifests): Promise<void> {
    const before = this.#hash;
    await this.#apply(compileManifests(read));
    this.#hash = read.hash;
    this.#onEvent({ type: "taken", hash: read.hash, before });
  }

  /**
   * What the folder says, once two looks in a row see the same; undefined: stopped meanwhile.
   * @throws FreshetError MANIFEST_INVALID when that is wrong
   */
  async #readSettled(): Promise<ReadManifests | undefined> {
    const { signal } = this.#stopped;
    for (let before = await this.#read(); !signal.aborted;) {
      if (before.said === this.#hash) return before.settled();
      await delay(settledMs, undefined, { signal }).catch(() => undefined);
      const now = await this.#read();
      if (now.said === before.said) return now.settled();
      before = now;
    }
    return undefined;
  }

  async #read(): Promise<{ said: string; settled: () => ReadManifests }> {
    try {
      const read = await readManifests(this.#folder);
      return { said: read.hash, settled: () => read };
    } catch (error) {
      if (!(error instanceof FreshetError)) throw error;
      return {
        said: error.message,
        settled: () => {
          throw error;
        },
      };
    }
  }

  #refuse(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#refusal?.message === message) return;
    this.#refusal = { message, sinceMs: Date.now() };
    this.#onEvent({ type: "refused", error });
  }
}
