import type { z } from "zod";

/** A manifest that has every field: what is wrong in another one is told by its example. */
export const exampleManifest = {
  $schema: "manifest.schema.json",
  freshet: 1,
  service: "profile-service",
  publishes: {
    ProfileChanged: {
      entity: "profile",
      topic: "profile.events.v1",
      fields: ["handle", "teamIds"],
      routing: { handle: "string", teamIds: "[string]" },
    },
  },
  views: {
    team_directory: {
      key: "team_directory:{teamId}",
      pool: "teams",
      ttlSeconds: 3_600,
      dependsOn: [{ event: "ProfileChanged", fields: ["teamIds"], params: { teamId: "teamIds[]" } }],
      derivedFrom: ["user_profile"],
      tags: [
        { tag: "members:{teamId}", event: "ProfileChanged", params: { teamId: "teamIds[]" }, members: true },
      ],
      onChange: { refresh: "/internal/views/team_directory" },
      formerKeys: ["team_dir:{teamId}"],
    },
  },
} as const;

/** The same of pools.yaml. */
export const examplePools = {
  freshet: 1,
  pools: {
    profiles: {
      nodes: ["127.0.0.1:11211"],
      previousNodes: [["127.0.0.1:11212"]],
      nodeOf: "ketama",
      onGap: "alarm",
      dedicated: true,
      maxDeletesPerSecond: 500,
    },
  },
} as const;

/**
 * What to do about one problem. What is unknown here may be known to a later version: dropped, it would leave keys
 * that nobody invalidates.
 */
export function mendOf({ code, path }: z.core.$ZodIssue, example: object): string {
  const reads = "this version of Freshet reads freshet: 1";
  if (code === "unrecognized_keys")
    return `remove it, correct its name, or upgrade what reads it first: ${reads} without it`;
  if (path.length === 1 && path[0] === "freshet") return `upgrade what reads it first: ${reads}`;
  if (path.length === 0) return "write a map that begins with freshet: 1";
  return `write it as in ${exampleAt(path, example)}`;
}

/** The example of the last field that this path names: behind it may come the name of a view, or the place in a list. */
function exampleAt(path: readonly PropertyKey[], example: object): string {
  let [name, field, value]: [string, unknown, unknown] = ["", example, example];
  for (const part of path) {
    if (typeof value !== "object" || value === null) break;
    const entries: [string, unknown][] = Object.entries(value);
    const entry = entries.find(([own]) => own === part) ?? entries[0];
    if (entry === undefined) break;
    value = entry[1];
    if (entry[0] === part) [name, field] = [part, value];
  }
  const json = JSON.stringify(field);
  return `${name}: ${json.replaceAll(/"(\w+)":/g, "$1: ").replaceAll(",", ", ")}`;
}
