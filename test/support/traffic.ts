import { uniqueName } from "./names.ts";
import { seededRandom } from "./seeded-random.ts";
import { waitFor } from "./wait-for.ts";

/** How requests ended: answered, refused for what the profile is (404, 409), failed for want of a server. */
export interface Tally {
  answered: number;
  refused: number;
  failed: number;
}

/**
 * Profiles that are created, changed, given each other's handles, moved between teams, deleted, created again and
 * read over HTTP, alone and as the directories of their teams; the seed
 * decides what happens to which. It survives the service's death: a request that fails may or may not have been
 * committed, and whoever checks asks the database.
 */
export class Traffic {
  readonly ids: readonly string[];
  readonly handles: readonly string[];
  readonly teamIds: readonly string[];
  readonly #url: () => string;
  readonly #random: () => number;
  readonly #timeoutMs: number;
  #changes = 0;

  /** `url` is asked before each request, because a service may come back elsewhere; `timeoutMs` is of one request. */
  constructor(url: string | (() => string), { seed = 1, profiles = 10, timeoutMs = 15_000 } = {}) {
    this.#url = typeof url === "string" ? () => url : url;
    this.#timeoutMs = timeoutMs;
    this.#random = seededRandom(seed);
    const name = uniqueName("p");
    this.ids = range(profiles).map((index) => `${name}-${index}`);
    // Some handles are free at any time.
    this.handles = range(Math.ceil(profiles * 1.5)).map((index) => `${name}-h${index}`);
    this.teamIds = range(3).map((index) => `${name}-t${index}`);
  }

  async createAll(): Promise<Tally> {
    return this.#all(this.ids, (id, index) => this.#create(id, this.handles[index] ?? id, index));
  }

  /** Changes every living profile once, so that each value cached before is old. */
  async touchAll(): Promise<Tally> {
    return this.#all(this.ids, (id) => this.#rename(id));
  }

  /** Paths of everything that can be cached. */
  get paths(): readonly string[] {
    return [
      ...this.ids.map((id) => `profiles/${id}`),
      ...this.handles.map((handle) => `profiles/by-handle/${handle}`),
      ...this.teamIds.map((teamId) => `teams/${teamId}/directory`),
    ];
  }

  /** Reads each path, all unless told, until the service has answered it from the cache. */
  async cacheAll(paths = this.paths): Promise<void> {
    const cache = (path: string) =>
      waitFor(async () => (await this.#send("GET", path)).headers.get("x-cache") === "HIT", {
        timeoutMs: 20_000,
        describe: `a hit for ${path}`,
      });
    await Promise.all(paths.map(cache));
  }

  /** Reads each path once, so that most of them are cached. */
  async readAll(): Promise<void> {
    await Promise.all(this.paths.map((path) => this.#end("GET", path)));
  }

  /** So many steps, one after the other; every third is a read. */
  async run(steps: number): Promise<Tally> {
    const tally: Tally = { answered: 0, refused: 0, failed: 0 };
    for (let step = 0; step < steps; step += 1) {
      for (const ending of await this.#step(step)) tally[ending] += 1;
    }
    return tally;
  }

  async #step(step: number): Promise<Ending[]> {
    const [id, other] = [this.#any(this.ids), this.#any(this.ids)];
    const handle = this.#any(this.handles);
    if (step % 3 === 0)
      return Promise.all([
        this.#end("GET", `profiles/${id}`),
        this.#end("GET", `profiles/by-handle/${handle}`),
        this.#end("GET", `teams/${this.#any(this.teamIds)}/directory`),
      ]);
    switch (Math.floor(this.#random() * 7)) {
      case 0:
        return [await this.#end("DELETE", `profiles/${id}`)];
      case 1:
        return [await this.#create(id, handle, step)];
      case 2:
        return [await this.#end("PATCH", `profiles/${id}`, { handle })];
      case 3:
        return this.#swapHandles(id, other);
      case 4:
        return [await this.#end("PATCH", `profiles/${id}`, { teamIds: this.#teams(step) })];
      default:
        return [await this.#rename(id)];
    }
  }

  /** Three changes, since no two profiles may have one handle at any time. */
  async #swapHandles(one: string, other: string): Promise<Ending[]> {
    const [ofOne, ofOther] = [await this.#handleOf(one), await this.#handleOf(other)];
    if (ofOne === undefined || ofOther === undefined || one === other) return [];
    return [
      await this.#end("PATCH", `profiles/${one}`, { handle: `${one}-between` }),
      await this.#end("PATCH", `profiles/${other}`, { handle: ofOne }),
      await this.#end("PATCH", `profiles/${one}`, { handle: ofOther }),
    ];
  }

  async #handleOf(id: string): Promise<string | undefined> {
    const answer = await this.#send("GET", `profiles/${id}`, undefined, {
      "cache-control": "no-cache",
    }).catch(() => undefined);
    if (answer?.status !== 200) return undefined;
    const profile = (await answer.json()) as { handle: string };
    return profile.handle;
  }

  async #create(id: string, handle: string, index: number): Promise<Ending> {
    const displayName = `Name ${++this.#changes}`;
    return this.#end("POST", "profiles", { id, handle, displayName, teamIds: this.#teams(index) });
  }

  /** None, one or two teams. */
  #teams(index: number): readonly string[] {
    const { length } = this.teamIds;
    return range(index % 3).map((offset) => this.teamIds[(index + offset) % length] ?? "");
  }

  async #rename(id: string): Promise<Ending> {
    return this.#end("PATCH", `profiles/${id}`, { displayName: `Name ${++this.#changes}` });
  }

  async #all<T>(items: readonly T[], send: (item: T, index: number) => Promise<Ending>): Promise<Tally> {
    const tally: Tally = { answered: 0, refused: 0, failed: 0 };
    for (const ending of await Promise.all(items.map(send))) tally[ending] += 1;
    return tally;
  }

  async #end(method: string, path: string, body?: object): Promise<Ending> {
    try {
      const { ok, status } = await this.#send(method, path, body);
      if (ok) return "answered";
      if (status === 404 || status === 409) return "refused";
    } catch {
      // The service is away: the connection was refused or lost.
    }
    return "failed";
  }

  async #send(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const answer = await fetch(`${this.#url()}/${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(this.#timeoutMs),
    });
    // A body that nobody reads keeps its connection.
    const text = await answer.arrayBuffer();
    return new Response(answer.status === 204 ? null : text, {
      status: answer.status,
      headers: answer.headers,
    });
  }

  #any<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error("no items to choose from");
    return item;
  }
}

type Ending = keyof Tally;

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
