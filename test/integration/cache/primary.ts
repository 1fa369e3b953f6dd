import type { EntityVersion, Loaded } from "@freshet/cache";
import { defineChangeEvent, defineView, on } from "@freshet/contracts";
import { versioned } from "@freshet/cache";
import { z } from "zod";

export const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["name", "handle"],
  routing: z.object({ handle: z.string() }),
});

export interface Profile {
  readonly id: string;
  readonly version: number;
  readonly name: string;
}

const schema = z.object({ id: z.string(), version: z.int(), name: z.string() });

/** Keyed by its entity. */
export const userProfile = defineView({
  name: "user_profile",
  key: "user_profile:{profileId}",
  pool: "profiles",
  value: schema,
  dependsOn: [on(ProfileChanged, { profileId: "subject" })],
  formerKeys: ["profile:{profileId}"],
});

/** Keyed by something that moves between entities. */
export const profileByHandle = defineView({
  name: "user_profile_by_handle",
  key: "user_profile_by_handle:{handle}",
  pool: "profiles",
  value: schema,
  dependsOn: [on(ProfileChanged, { handle: "handle" })],
});

/** Rows in a table that only this test writes; what a loader reads is a snapshot taken when it is called. */
export class Primary {
  readonly #rows = new Map<string, Profile>();
  readonly #waiting: (() => void)[] = [];
  #isHeld = false;
  loads = 0;

  /** The next version of a row, committed. */
  commit(id: string): Profile {
    const version = (this.#rows.get(id)?.version ?? 0) + 1;
    const row = { id, version, name: `name ${version}` };
    this.#rows.set(id, row);
    return row;
  }

  /** Loads begun from now on take their snapshot at once and answer only after `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  async row(id: string): Promise<Profile | undefined> {
    this.loads++;
    const snapshot = this.#rows.get(id);
    if (this.#isHeld) await new Promise<void>((resume) => this.#waiting.push(resume));
    return snapshot;
  }

  /** How many loads wait for `release`. */
  get held(): number {
    return this.#waiting.length;
  }

  /** A loader of one profile. */
  loader(id: string): () => Promise<Loaded<Profile & EntityVersion>> {
    return async () => versioned(await this.row(id));
  }
}
