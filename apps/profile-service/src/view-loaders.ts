import { type Loaded, versioned } from "@freshet/cache";
import { type ViewDefinition } from "@freshet/contracts";
import { type ProfilesRepository } from "./profiles/profiles.repository.ts";
import { maxMembers } from "./teams/directory.ts";
import { teamDirectory, userProfile, userProfileByHandle } from "./views.ts";

/** The parameters of one key of a view. */
export type KeyParams<Param extends string = string> = Readonly<Record<Param, string | number>>;

/**
 * How the values of a view are loaded: from the primary alone, for many keys at once, in the order asked. One
 * statement each, so that all rows are of one snapshot.
 */
export interface ViewLoader<Param extends string = string, Value = unknown> {
  readonly view: ViewDefinition<string, Param, Value>;
  load(keys: readonly KeyParams<Param>[]): Promise<readonly Loaded<Value>[]>;
}

/** The loader of every view. Reads through the cache and refreshes of the bus both ask it: they cannot differ. */
export function viewLoaders(profiles: ProfilesRepository) {
  return {
    userProfile: loader(userProfile, async (keys) => {
      const ids = keys.map(({ profileId }) => String(profileId));
      const rows = await profiles.findMany(ids);
      return ids.map((id) => {
        const row = rows.get(id);
        // A deleted profile is absent under its last version, one that never was under none.
        return row ? versioned({ id, version: row.version }, row.profile) : versioned(null);
      });
    }),
    userProfileByHandle: loader(userProfileByHandle, async (keys) => {
      const handles = keys.map(({ handle }) => String(handle));
      const found = await profiles.findManyByHandle(handles);
      return handles.map((handle) => versioned(found.get(handle)));
    }),
    teamDirectory: loader(teamDirectory, async (keys) => {
      const teamIds = keys.map(({ teamId }) => String(teamId));
      const teams = await profiles.findMembers(teamIds, maxMembers + 1);
      return teamIds.map((teamId) => {
        const all = teams.get(teamId) ?? [];
        if (all.length === 0) return versioned(null);
        const members = all.slice(0, maxMembers);
        return versioned(members, { teamId, members, isComplete: members.length === all.length });
      });
    }),
  };
}
export type ViewLoaders = ReturnType<typeof viewLoaders>;

function loader<Param extends string, Value>(
  view: ViewDefinition<string, Param, Value>,
  load: (keys: readonly KeyParams<Param>[]) => Promise<readonly Loaded<Value>[]>,
): ViewLoader<Param, Value> {
  return { view, load };
}
