import { type FanOut } from "./fan-out.ts";
import { seededRandom } from "./seeded-random.ts";

export interface FanOutSizes {
  readonly profiles: number;
  readonly teams: number;
  readonly seed: number;
}

/**
 * Random changes of profiles and teams, and reads of every view, over HTTP; the seed decides what happens to which.
 * Handles change hands, profiles change teams, both are deleted and come back.
 */
export class FanOutTraffic {
  /** Requests answered with an error of a server, or not at all. */
  failed = 0;
  changes = 0;
  readonly profiles: readonly string[];
  readonly teams: readonly string[];
  readonly #urls: FanOut["urls"];
  readonly #random: () => number;
  readonly #handles: readonly string[];
  readonly #words = ["ada", "grace", "alan", "edsger", "barbara", "donald", "niklaus", "tony"];

  constructor({ name, urls }: FanOut, sizes: FanOutSizes) {
    const ids = (kind: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${name}-${kind}${String(index).padStart(5, "0")}`);
    this.#urls = urls;
    this.#random = seededRandom(sizes.seed);
    this.profiles = ids("p", sizes.profiles);
    this.teams = ids("t", sizes.teams);
    this.#handles = ids("h", Math.ceil(sizes.profiles * 1.2));
  }

  async createAll(): Promise<void> {
    await eachOf(this.teams, 8, (id) => this.#nameTeam(id));
    const pairs = this.profiles.map((id, index) => [id, this.#handles[index] ?? id] as const);
    await eachOf(pairs, 16, ([id, handle]) => this.#create(id, handle));
  }

  /** Reads every view of every profile and team once. */
  async readAll(): Promise<void> {
    const { profiles, teams, search } = this.#urls;
    const urls = [
      ...this.profiles.map((id) => `${profiles}/profiles/${id}`),
      ...this.#handles.map((handle) => `${profiles}/profiles/by-handle/${handle}`),
      ...this.teams.flatMap((id) => [
        `${profiles}/teams/${id}/directory`,
        `${teams}/teams/${id}`,
        `${search}/cards/${id}`,
      ]),
      ...this.#words.map((word) => `${search}/search?q=${word}`),
    ];
    await eachOf(urls, 16, (url) => this.#send("GET", url));
  }

  /** Changes and reads in so many lanes for as long as `goesOn` says of the number of changes begun. */
  async run(goesOn: (changes: number) => boolean, lanes: number): Promise<void> {
    const before = this.changes;
    const lane = async () => {
      while (goesOn(this.changes - before)) await Promise.all([this.#change(), this.#read(), this.#read()]);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  async #change(): Promise<void> {
    this.changes += 1;
    const [id, other, team] = [this.#any(this.profiles), this.#any(this.profiles), this.#any(this.teams)];
    const dice = this.#random();
    if (dice < 0.3) await this.#patch(id, { displayName: this.#name() });
    else if (dice < 0.4) await this.#patch(id, { bio: `Bio ${this.changes}` });
    else if (dice < 0.5) await this.#patch(id, { handle: this.#any(this.#handles) });
    else if (dice < 0.6) await this.#swapHandles(id, other);
    else if (dice < 0.75) await this.#patch(id, { teamIds: this.#someTeams() });
    else if (dice < 0.8) await this.#send("DELETE", `${this.#urls.profiles}/profiles/${id}`);
    else if (dice < 0.88) await this.#create(id, this.#any(this.#handles));
    else if (dice < 0.97) await this.#nameTeam(team);
    else await this.#send("DELETE", `${this.#urls.teams}/teams/${team}`);
  }

  async #read(): Promise<void> {
    const { profiles, teams, search } = this.#urls;
    const team = this.#any(this.teams);
    const urls = [
      `${profiles}/profiles/${this.#any(this.profiles)}`,
      `${profiles}/profiles/by-handle/${this.#any(this.#handles)}`,
      `${profiles}/teams/${team}/directory`,
      `${teams}/teams/${team}`,
      `${search}/cards/${team}`,
      `${search}/search?q=${this.#any(this.#words)}`,
    ];
    await this.#send("GET", this.#any(urls));
  }

  /** No two profiles may have one handle at any time. */
  async #swapHandles(one: string, other: string): Promise<void> {
    const handleOf = async (id: string) => {
      const answer = await this.#send("GET", `${this.#urls.profiles}/profiles/${id}`, undefined, "no-cache");
      return (answer as { handle?: string } | undefined)?.handle;
    };
    const [ofOne, ofOther] = [await handleOf(one), await handleOf(other)];
    if (ofOne === undefined || ofOther === undefined || one === other) return;
    await this.#patch(one, { handle: `${one}-between` });
    await this.#patch(other, { handle: ofOne });
    await this.#patch(one, { handle: ofOther });
  }

  #patch(id: string, body: object): Promise<unknown> {
    return this.#send("PATCH", `${this.#urls.profiles}/profiles/${id}`, body);
  }

  #create(id: string, handle: string): Promise<unknown> {
    const body = { id, handle, displayName: this.#name(), teamIds: this.#someTeams() };
    return this.#send("POST", `${this.#urls.profiles}/profiles`, body);
  }

  #nameTeam(id: string): Promise<unknown> {
    return this.#send("PUT", `${this.#urls.teams}/teams/${id}`, { name: `Team ${this.#name()}` });
  }

  #name(): string {
    return `${this.#any(this.#words)} ${Math.floor(this.#random() * 1_000)}`;
  }

  #someTeams(): string[] {
    const count = Math.floor(this.#random() * 3);
    return [...new Set(Array.from({ length: count }, () => this.#any(this.teams)))];
  }

  /** The answer's JSON; a refusal for what the row is counts as an answer. */
  async #send(method: string, url: string, body?: object, cacheControl?: string): Promise<unknown> {
    try {
      const answer = await fetch(url, {
        method,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(cacheControl === undefined ? {} : { "cache-control": cacheControl }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      });
      const text = await answer.text();
      if (!answer.ok && answer.status !== 404 && answer.status !== 409) this.failed += 1;
      return answer.ok && text !== "" ? JSON.parse(text) : undefined;
    } catch {
      this.failed += 1;
      return undefined;
    }
  }

  #any<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error("no items to choose from");
    return item;
  }
}

async function eachOf<T>(
  items: readonly T[],
  lanes: number,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
