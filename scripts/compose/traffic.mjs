import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";

const PROFILES = 40;
const TEAMS = 4;
const named = z.object({ displayName: z.string() });

/** Changes and reads profiles through the published port until it is stopped, and knows each one's last name. */
export class Traffic {
  #api;
  /** @type {Map<string, string>} id → the name that was answered last */
  #names = new Map();
  #changes = 0;
  #tries = 0;
  #stopped = false;
  #running;

  /** @param {string} api */
  constructor(api) {
    this.#api = api;
    this.#running = this.#run();
    this.#running.catch(() => undefined); // told by whoever waits
  }

  /**
   * Resolves once so many changes have gone through.
   * @param {number} changes
   */
  async enough(changes) {
    while (this.#changes < changes) await Promise.race([this.#running, pause(50)]);
  }

  /** Ends, and answers how many changes went through, in how many tries. */
  async stop() {
    this.#stopped = true;
    await this.#running;
    return { changes: this.#changes, tries: this.#tries };
  }

  /** Reads every profile past the cache; throws when one is not as it was left. */
  async check() {
    for (const [id, name] of this.#names) {
      const answer = await this.#request(`/profiles/${id}`, { headers: { "cache-control": "no-cache" } });
      const { displayName } = named.parse(answer);
      if (displayName !== name) throw new Error(`profile ${id} is ${displayName}, was left as ${name}`);
    }
    return this.#names.size;
  }

  async #run() {
    const body = (/** @type {object} */ value) => ({
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value),
    });
    for (let index = 0; index < PROFILES; index += 1) {
      const id = `traffic-${index}`;
      const profile = { id, handle: id, displayName: "0", teamIds: [teamOf(index)] };
      await this.#request("/profiles", { method: "POST", ...body(profile) });
    }
    while (!this.#stopped) {
      const index = this.#changes % PROFILES;
      const id = `traffic-${index}`;
      const name = String(this.#changes + 1);
      await this.#persist(`/profiles/${id}`, { method: "PATCH", ...body({ displayName: name }) });
      this.#names.set(id, name);
      await this.#persist(`/profiles/${id}`);
      await this.#persist(`/teams/${teamOf(index)}/directory`);
      this.#changes += 1;
    }
  }

  /**
   * A connection to a replica that is killed breaks, and memory of what it did with it: the same change once more.
   * @param {string} path
   * @param {RequestInit} [options]
   */
  async #persist(path, options) {
    for (let left = 100; ; left -= 1) {
      this.#tries += 1;
      try {
        return await this.#request(path, options);
      } catch (error) {
        if (left === 0) throw error;
        await pause(50);
      }
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} [options]
   * @returns {Promise<unknown>}
   */
  async #request(path, options = {}) {
    const response = await fetch(this.#api + path, { ...options, signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`);
    /** @type {unknown} */
    const value = JSON.parse(text);
    return value;
  }
}

/** @param {number} index */
function teamOf(index) {
  return `traffic-${index % TEAMS}`;
}
