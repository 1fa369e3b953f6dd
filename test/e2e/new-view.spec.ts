// What docs/architecture.md says of a new view, "two files", played: they are edited in a copy of profile-service's
// source, and the bus that loads the manifest of the copy keeps the new view as it keeps the others.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ReadThroughCache } from "@freshet/cache";
import { afterAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type * as DatabaseFile from "../../apps/profile-service/src/database.ts";
import type * as RepositoryFile from "../../apps/profile-service/src/profiles/profiles.repository.ts";
import type * as LoadersFile from "../../apps/profile-service/src/view-loaders.ts";
import type * as ReaderFile from "../../apps/profile-service/src/view-reader.ts";
import type * as ViewsFile from "../../apps/profile-service/src/views.ts";
import { untilQuiet } from "../support/checker.ts";
import { System } from "../support/system.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
mkdirSync(join(root, ".freshet"), { recursive: true });
// Inside the repository, where the packages are found; the folder is git's to ignore.
const folder = mkdtempSync(join(root, ".freshet", "new-view-"));
const source = join(folder, "src");
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** views.ts: the key, the pool, what it depends on, and its place in the manifest. */
const view = `
export const handleOwner = defineView({
  name: "handle_owner",
  key: "handle_owner:{handle}",
  pool: "profiles",
  value: profile.pick({ id: true }),
  dependsOn: [on(ProfileChanged, { handle: "handle" }, { fields: ["handle"] })],
});
`;

/** view-loaders.ts: its values, from the primary. */
const loader = `
    handleOwner: loader(handleOwner, async (keys) => {
      const found = await profiles.findManyByHandle(keys.map(({ handle }) => String(handle)));
      return keys.map(({ handle }) => {
        const owner = found.get(String(handle));
        return owner ? versioned(owner, { id: owner.id }) : versioned(null);
      });
    }),`;

test("a view that two files declare and load is read through, and deleted by the bus when its event comes", async () => {
  for (const part of ["src", "tsconfig.json"])
    cpSync(join(root, "apps/profile-service", part), join(folder, part), { recursive: true });
  edit("views.ts", "\n/** What the invalidator loads;", `${view}\n/** What the invalidator loads;`);
  edit("views.ts", "teamDirectory],", "teamDirectory, handleOwner],");
  edit("view-loaders.ts", "import { teamDirectory,", "import { handleOwner, teamDirectory,");
  edit("view-loaders.ts", "  return {\n", `  return {${loader}\n`);
  const { manifest } = await copied<typeof ViewsFile>("views.ts");
  const manifests = join(folder, "manifests");
  cpSync(join(root, "deploy/manifests"), manifests, { recursive: true });
  writeFileSync(join(manifests, "profile-service.yaml"), stringify(manifest));

  await using system = await System.create();
  const [service] = await Promise.all([
    system.startService(),
    system.startInvalidator({ env: { MANIFESTS_DIR: manifests } }),
  ]);
  const { owner, close } = await reader(system);
  const send = async (method: string, path: string, body: object) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(service.url + path, { method, headers, body: JSON.stringify(body) });
    expect(answer.ok).toBe(true);
  };
  await send("POST", "/profiles", { id: "42", handle: "ada", displayName: "Ada" });
  // An event that comes later would delete what is read next.
  await untilQuiet(system);
  expect(await owner("ada")).toEqual({ outcome: "miss", value: { id: "42" } });
  expect(await owner("ada")).toEqual({ outcome: "hit", value: { id: "42" } });
  expect(await owner("lovelace")).toEqual({ outcome: "miss", value: null });

  await send("PATCH", "/profiles/42", { displayName: "Ada Lovelace" });
  await untilQuiet(system);
  expect(await owner("ada")).toEqual({ outcome: "hit", value: { id: "42" } });

  await send("PATCH", "/profiles/42", { handle: "lovelace" });
  await untilQuiet(system);
  expect(await owner("ada")).toEqual({ outcome: "miss", value: null });
  expect(await owner("lovelace")).toEqual({ outcome: "miss", value: { id: "42" } });
  await close();
});

/** Replaces what stands in a file of the copy. */
function edit(file: string, old: string, text: string): void {
  const before = readFileSync(join(source, file), "utf8");
  expect(before.split(old), `${file} holds ${JSON.stringify(old)} once`).toHaveLength(2);
  writeFileSync(
    join(source, file),
    before.replace(old, () => text),
  );
}

async function copied<Module>(file: string): Promise<Module> {
  return (await import(/* @vite-ignore */ join(source, file))) as Module;
}

/** Reads of the new view, wired of the copy's own classes as the service wires them. */
async function reader({ databaseUrl, nodeAddresses, teamsNode }: System) {
  const { Database } = await copied<typeof DatabaseFile>("database.ts");
  const { ProfilesRepository } = await copied<typeof RepositoryFile>("profiles/profiles.repository.ts");
  const { viewLoaders } = await copied<typeof LoadersFile>("view-loaders.ts");
  const { ViewReader } = await copied<typeof ReaderFile>("view-reader.ts");
  const database = new Database(databaseUrl, () => undefined);
  const cache = new ReadThroughCache({
    pools: { profiles: { nodes: nodeAddresses.join(",") }, teams: { nodes: teamsNode.address } },
    limits: { timeoutMs: 10_000 }, // the default of 50 ms makes misses of hits on a busy machine
  });
  const views = new ViewReader(cache);
  const loaders: Readonly<Record<string, LoadersFile.ViewLoader>> = viewLoaders(
    new ProfilesRepository(database),
  );
  return {
    owner: async (handle: string) => {
      const { handleOwner } = loaders;
      if (!handleOwner) throw new Error("the copy has no such loader");
      const { outcome, value } = await views.read(handleOwner, { handle }, { min: {}, bypass: false });
      return { outcome, value };
    },
    close: async () => {
      cache.close();
      await database.close();
    },
  };
}
