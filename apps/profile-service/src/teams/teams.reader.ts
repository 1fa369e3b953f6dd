import { type Loaded, ReadThroughCache, type ReadOptions, type ReadResult, versioned } from "@freshet/cache";
import { Injectable } from "@nestjs/common";
import { ProfilesRepository } from "../profiles/profiles.repository.ts";
import { teamDirectory } from "../views.ts";
import { maxMembers, type TeamDirectory } from "./directory.ts";

/** Reads of teams, through the cache. The loader asks the primary alone, in one statement: its rows are of one snapshot. */
@Injectable()
export class TeamsReader {
  readonly #cache: ReadThroughCache;
  readonly #repository: ProfilesRepository;

  constructor(cache: ReadThroughCache, repository: ProfilesRepository) {
    this.#cache = cache;
    this.#repository = repository;
  }

  /** The directory of a team; null when no profile names it. */
  async directory(teamId: string, options: ReadOptions): Promise<ReadResult<TeamDirectory>> {
    const load = async (): Promise<Loaded<TeamDirectory>> => {
      const members = await this.#repository.findMembers(teamId, maxMembers + 1);
      const shown = members.slice(0, maxMembers);
      return shown.length === 0
        ? versioned(null)
        : versioned(shown, {
            teamId,
            members: shown,
            isComplete: members.length === shown.length,
          });
    };
    return await this.#cache.read(teamDirectory, { teamId }, load, options);
  }
}
