import { expect, test } from "vitest";
import { query } from "../../../scripts/local/postgres.mjs";
import { uniqueName } from "../../support/names.ts";
import { send, startService } from "./harness.ts";

interface Directory {
  readonly teamId: string;
  readonly members: readonly { readonly id: string; readonly displayName: string }[];
  readonly isComplete: boolean;
}

/** A service whose one team is asked for by `read`: X-Cache and the directory. */
async function teamOf(service: { readonly url: string }) {
  const teamId = uniqueName("team");
  const create = async (displayName: string, teamIds = [teamId]): Promise<string> => {
    const id = uniqueName("p");
    await send("POST", `${service.url}/profiles`, { id, handle: id, displayName, teamIds });
    return id;
  };
  const patch = (id: string, body: object) => send("PATCH", `${service.url}/profiles/${id}`, body);
  const read = async (headers: Record<string, string> = {}) => {
    const answer = await send("GET", `${service.url}/teams/${teamId}/directory`, undefined, headers);
    const { members, isComplete } = (await answer.json()) as Directory;
    return {
      cache: answer.headers.get("x-cache"),
      names: members.map(({ displayName }) => displayName),
      members,
      isComplete,
    };
  };
  return { teamId, create, patch, read, ada: await create("Ada") };
}

test("a directory names the members by display name and is a hit until one of them changes in it", async () => {
  await using service = await startService();
  const { teamId, create, patch, read, ada } = await teamOf(service);
  const [zoe, eve] = [await create("Zoë"), await create("eve", ["another"])];
  expect(await read()).toMatchObject({
    cache: "MISS",
    isComplete: true,
    members: [
      { id: ada, displayName: "Ada", avatarUrl: null },
      { id: zoe, displayName: "Zoë", avatarUrl: null },
    ],
  });
  expect((await read()).cache).toBe("HIT");

  const changes: [object, string, string[]][] = [
    [{ displayName: "Zack" }, zoe, ["Ada", "Zack"]],
    [{ avatarUrl: "https://example.org/zack.png" }, zoe, ["Ada", "Zack"]],
    [{ teamIds: ["another", teamId] }, eve, ["Ada", "Zack", "eve"]],
    [{ teamIds: [] }, ada, ["Zack", "eve"]],
  ];
  for (const [change, id, names] of changes) {
    await patch(id, change);
    expect(await read()).toMatchObject({ cache: "MISS", names });
    expect(await read()).toMatchObject({ cache: "HIT", names });
  }
  await send("DELETE", `${service.url}/profiles/${zoe}`);
  expect(await read()).toMatchObject({ cache: "MISS", names: ["eve"] });
});

test("a change that no directory shows leaves it cached", async () => {
  await using service = await startService();
  const { patch, read, ada } = await teamOf(service);
  await read();
  await patch(ada, { bio: "analyst", handle: uniqueName("h") });
  expect((await read()).cache).toBe("HIT");
});

test("Cache-Control: no-cache and Min-Version show a caller its own write before the bus does", async () => {
  await using service = await startService({ writerDelete: false });
  const { patch, read, ada } = await teamOf(service);
  await read();
  const write = await patch(ada, { displayName: "Ada L." });
  expect(await read()).toMatchObject({ cache: "HIT", names: ["Ada"] });
  expect(await read({ "cache-control": "no-cache" })).toMatchObject({ cache: "BYPASS", names: ["Ada L."] });
  const min = { "min-version": write.headers.get("freshness-token") ?? "" };
  expect(await read(min)).toMatchObject({ cache: "MISS", names: ["Ada L."] });
  expect(await read(min)).toMatchObject({ cache: "HIT", names: ["Ada L."] });
});

test("a team that no profile names has an empty directory, cached, until somebody joins", async () => {
  await using service = await startService();
  const { patch, read, ada } = await teamOf(service);
  await patch(ada, { teamIds: [] });
  expect(await read()).toMatchObject({ cache: "MISS", names: [], isComplete: true });
  expect(await read()).toMatchObject({ cache: "HIT", names: [] });
});

test("of more than 500 members the first 500 are named, and that there are more", async () => {
  await using service = await startService();
  const { teamId, patch, read } = await teamOf(service);
  await query(
    service.databaseUrl,
    `INSERT INTO profiles (id, version, handle, display_name, team_ids, updated_at)
     SELECT 'm' || n, 1, 'm' || n, to_char(n, '"Member "000'), '{${teamId}}', now() FROM generate_series(1, 500) n`,
  );
  const { members, ...first } = await read();
  expect(first).toMatchObject({ cache: "MISS", isComplete: false });
  expect(members).toHaveLength(500);
  expect([members[0], members[499]]).toMatchObject([{ displayName: "Ada" }, { id: "m499" }]);
  expect(await read()).toMatchObject({ cache: "HIT", isComplete: false });
  await patch("m500", { displayName: "A newcomer" });
  expect((await read()).names.slice(0, 2)).toEqual(["A newcomer", "Ada"]);
});

test("an id that no team can have is 400 and names it", async () => {
  await using service = await startService();
  const answer = await send("GET", `${service.url}/teams/a%1b%5B2J/directory`);
  expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ field: "teamId" }] }]);
});
