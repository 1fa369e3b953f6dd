// Many profiles that one statement changes all at once, each of them cached under every key and node list: what goes
// wrong once in ten thousand deletes shows here. Written past the services, as a migration would, events included.
import { ReadThroughCache } from "@freshet/cache";
import { query } from "../../../scripts/local/postgres.mjs";
import { waitUntil } from "../../../scripts/local/wait.mjs";
import { Database } from "../../../apps/profile-service/src/database.ts";
import { ProfilesRepository } from "../../../apps/profile-service/src/profiles/profiles.repository.ts";
import { viewLoaders } from "../../../apps/profile-service/src/view-loaders.ts";
import { uniqueName } from "../names.ts";
import { type World } from "./world.ts";

const keysAtOnce = 500;

export class Crowd {
  readonly #world: World;
  readonly #name = uniqueName("crowd");
  readonly #size: number;

  private constructor(world: World, size: number) {
    this.#world = world;
    this.#size = size;
  }

  /** Every profile of it is published and cached when it resolves. */
  static async gather(world: World, size: number): Promise<Crowd> {
    const crowd = new Crowd(world, size);
    await crowd.#write(
      `INSERT INTO profiles (id, version, handle, display_name, updated_at)
       SELECT '${crowd.#name}-' || n, 1, '${crowd.#name}-h' || n, 'Name 1', date_trunc('milliseconds', now())
       FROM generate_series(1, ${size}) AS n`,
      { change: "created", before: "null" },
    );
    await world.untilHealed();
    await crowd.#readAll();
    return crowd;
  }

  /** Waits for a database that is away. */
  async changeAll(): Promise<void> {
    const update = `UPDATE profiles
       SET version = version + 1, display_name = 'Name ' || version + 1, updated_at = date_trunc('milliseconds', now())
       WHERE id LIKE '${this.#name}-%'`;
    const side = "json_build_object('handle', handle, 'teamIds', team_ids)";
    const write = () => this.#write(update, { change: "updated", before: side }).then(() => true);
    await waitUntil("the crowd to be changed", write, { timeoutMs: 120_000, intervalMs: 500 });
  }

  /** Has every profile cached by its id and by its handle, by readers of the new node list and of the old one. */
  async #readAll(): Promise<void> {
    const { system, parts } = this.#world;
    const proxies = parts.nodes.map(({ proxy }) => proxy.address);
    const nodeLists = [proxies.slice(0, 2), proxies];
    const database = new Database(system.databaseUrl, () => undefined);
    const { userProfile, userProfileByHandle } = viewLoaders(new ProfilesRepository(database));
    try {
      for (const nodes of nodeLists) {
        const cache = new ReadThroughCache({ pools: { profiles: { nodes } }, limits: { timeoutMs: 5_000 } });
        for (let from = 1; from <= this.#size; from += keysAtOnce) {
          const length = Math.min(keysAtOnce, this.#size - from + 1);
          const names = (kind: string) =>
            Array.from({ length }, (_, index) => `${this.#name}-${kind}${from + index}`);
          const byId = names("").map((profileId) => ({ profileId }));
          await cache.getMany(userProfile.view, byId, (keys) => userProfile.load(keys));
          const byHandle = names("h").map((handle) => ({ handle }));
          await cache.getMany(userProfileByHandle.view, byHandle, (keys) => userProfileByHandle.load(keys));
        }
        cache.close();
      }
    } finally {
      await database.close();
    }
  }

  /** One statement, so that no row changes without its event. */
  async #write(statement: string, { change, before }: { change: string; before: string }): Promise<void> {
    const { databaseUrl, topic } = this.#world.system;
    await query(
      databaseUrl,
      `WITH written AS (${statement} RETURNING *, gen_random_uuid() AS event)
       INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, topic, payload)
       SELECT event, 'profile', id, 'ProfileChanged', '${topic}', json_build_object(
         'specversion', '1.0', 'id', event, 'source', 'profile-service', 'type', 'ProfileChanged',
         'subject', id, 'time', to_json(updated_at), 'data', json_build_object(
           'version', version, 'change', '${change}', 'changedFields', json_build_array('displayName'),
           'before', ${before},
           'after', json_build_object('handle', handle, 'teamIds', team_ids)))
       FROM written`,
    );
  }
}
