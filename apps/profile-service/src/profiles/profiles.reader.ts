import { ReadThroughCache, type ReadOptions, type ReadResult, versioned } from "@freshet/cache";
import { Injectable } from "@nestjs/common";
import { userProfile, userProfileByHandle } from "../views.ts";
import { type Profile } from "./profile.ts";
import { ProfilesRepository } from "./profiles.repository.ts";

/** Reads of profiles, through the cache. The loaders ask the primary alone. */
@Injectable()
export class ProfilesReader {
  readonly #cache: ReadThroughCache;
  readonly #repository: ProfilesRepository;

  constructor(cache: ReadThroughCache, repository: ProfilesRepository) {
    this.#cache = cache;
    this.#repository = repository;
  }

  async byId(profileId: string, options: ReadOptions): Promise<ReadResult<Profile>> {
    const load = async () => {
      const row = await this.#repository.find(profileId);
      // A deleted profile is cached as absent under its last version, one that never was under none.
      return row
        ? versioned<Profile>({ id: profileId, version: row.version }, row.profile)
        : versioned<Profile>(null);
    };
    return await this.#cache.read(userProfile, { profileId }, load, options);
  }

  async byHandle(handle: string, options: ReadOptions): Promise<ReadResult<Profile>> {
    const load = async () => versioned(await this.#repository.findByHandle(handle));
    return await this.#cache.read(userProfileByHandle, { handle }, load, options);
  }
}
