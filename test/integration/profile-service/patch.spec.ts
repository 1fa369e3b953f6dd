import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { waitFor } from "../../support/wait-for.ts";
import { send, startService } from "./harness.ts";
import { ProfileEvents } from "./topic.ts";

const own = uniqueName("h");
const patches = fc.record(
  {
    handle: fc.constantFrom(`${own}-1`, `${own}-2`),
    displayName: fc.constantFrom("Ada", "Ada L."),
    avatarUrl: fc.constantFrom(null, "https://example.org/a.png"),
    bio: fc.constantFrom(null, "", "first"),
    teamIds: fc.constantFrom([], ["t1"], ["t1", "t2"], ["t2", "t1"]),
  },
  { requiredKeys: [] },
);

test("of any patches each makes the fields that it changes known, and none when it changes nothing", async () => {
  await using service = await startService();
  await using events = await ProfileEvents.read();
  const id = uniqueName("p");
  let model: Record<string, unknown> = {
    handle: `${own}-1`,
    displayName: "Ada",
    avatarUrl: null,
    bio: null,
    teamIds: [],
  };
  await send("POST", `${service.url}/profiles`, { id, ...model });
  const expected: { version: number; changedFields: string[] }[] = [];
  for (const patch of fc.sample(patches, { numRuns: 60, seed: 4 })) {
    const changedFields = Object.entries(patch)
      .filter(([field, value]) => !isDeepStrictEqual(value, model[field]))
      .map(([field]) => field)
      .sort();
    model = { ...model, ...patch };
    if (changedFields.length > 0) expected.push({ version: expected.length + 2, changedFields });
    const answer = await send("PATCH", `${service.url}/profiles/${id}`, patch);
    expect(await answer.json()).toMatchObject({ ...model, version: expected.length + 1 });
  }
  expect(expected.length).toBeGreaterThan(10);
  expect(expected.length).toBeLessThan(60);
  await waitFor(() => events.of(id).length > expected.length, { describe: "all events of the profile" });
  const [, ...updates] = events.of(id);
  expect(
    updates.map(({ data: { version, changedFields } }) => ({
      version,
      changedFields: [...(changedFields ?? [])].sort(),
    })),
  ).toEqual(expected);
});
