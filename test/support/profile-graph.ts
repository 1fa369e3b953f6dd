// Manifests of profiles, compiled, for the specs of what their events do.
import { type ChangeEvent, parseManifest, parsePools } from "@freshet/contracts";
import { compile, type Plan, type PoolGraph } from "@freshet/dependency-graph";

export const profileManifest = parseManifest(
  {
    freshet: 1,
    service: "profile-service",
    publishes: {
      ProfileChanged: {
        entity: "profile",
        topic: "profile.events.v1",
        fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
        routing: { handle: "string", teamIds: ["string"], cities: "[string]?", badge: "integer?" },
      },
    },
    views: {
      user_profile: {
        key: "user_profile:{profileId}",
        pool: "profiles",
        dependsOn: [{ event: "ProfileChanged", params: { profileId: "subject" } }],
      },
      user_profile_by_handle: {
        key: "user_profile_by_handle:{handle}",
        pool: "profiles",
        ttlSeconds: 600,
        dependsOn: [{ event: "ProfileChanged", params: { handle: "handle" } }],
      },
      team_directory: {
        key: "team_directory:{teamId}",
        pool: "teams",
        formerKeys: ["team_dir:{teamId}"],
        dependsOn: [
          {
            event: "ProfileChanged",
            fields: ["displayName", "avatarUrl"],
            params: { teamId: "teamIds[]" },
          },
        ],
      },
      team_in_city: {
        key: "team_in_city:{teamId}:{city}",
        pool: "search",
        dependsOn: [{ event: "ProfileChanged", params: { teamId: "teamIds[]", city: "cities[]" } }],
      },
      badge: {
        key: "badge:{badge}",
        pool: "search",
        dependsOn: [{ event: "ProfileChanged", params: { badge: "badge" } }],
      },
    },
  },
  "profiles.yaml",
);
const pool = { nodes: ["127.0.0.1:11211"] };
const pools = parsePools(
  { freshet: 1, pools: { profiles: pool, teams: pool, search: pool, idle: pool } },
  "pools.yaml",
);
export const graph = compile([{ file: "profiles.yaml", manifest: profileManifest }], pools);

export const bySubject = [{ event: "ProfileChanged", params: { profileId: "subject" } }];
export const ada = { handle: "ada", teamIds: ["t1"] };

export function event(data: Partial<ChangeEvent["data"]>, subject = "42"): ChangeEvent {
  return {
    specversion: "1.0",
    id: "1",
    source: "profile-service",
    type: "ProfileChanged",
    subject,
    data: { version: 7, change: "updated", before: ada, after: ada, ...data },
  };
}

export function keysOf(plan: Plan): string[] {
  if (plan.kind !== "keys") throw new Error(`the plan is ${JSON.stringify(plan)}`);
  return plan.keys.map(({ key }) => key);
}

/** A pool of one service that publishes ProfileChanged and has these views. */
export function graphOf(
  views: Record<string, object>,
  routing: object = profileManifest.publishes["ProfileChanged"]?.routing ?? {},
): PoolGraph {
  const manifest = parseManifest(
    {
      freshet: 1,
      service: "profile-service",
      publishes: { ProfileChanged: { ...profileManifest.publishes["ProfileChanged"], routing } },
      views: Object.fromEntries(Object.entries(views).map(([name, view]) => [name, { pool: "p", ...view }])),
    },
    "a.yaml",
  );
  return compile([{ file: "a.yaml", manifest }], parsePools({ freshet: 1, pools: { p: pool } }, "p")).pool(
    "p",
  );
}
