import { expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { waitFor } from "../../support/wait-for.ts";
import { send, startService } from "./harness.ts";
import { ProfileEvents } from "./topic.ts";

test("each committed change of a profile is one event with what changed, in the order of the versions", async () => {
  await using service = await startService();
  await using events = await ProfileEvents.read();
  const id = uniqueName("p");
  const url = `${service.url}/profiles/${id}`;
  await send("POST", `${service.url}/profiles`, { id, handle: "ada", displayName: "Ada", teamIds: ["t1"] });
  await send("PATCH", url, { displayName: "Ada L.", teamIds: ["t1", "t2"] });
  await send("PATCH", url, { displayName: "Ada L." });
  await send("PATCH", url, { handle: "lovelace" });
  await send("DELETE", url);
  await send("POST", `${service.url}/profiles`, { id, handle: "ada", displayName: "Ada again" });

  await waitFor(() => events.of(id).length >= 5, { describe: "the events" });
  const ada = { handle: "ada", teamIds: ["t1"] };
  const inTwoTeams = { handle: "ada", teamIds: ["t1", "t2"] };
  const lovelace = { handle: "lovelace", teamIds: ["t1", "t2"] };
  expect(events.of(id).map(({ data }) => data)).toEqual([
    { version: 1, change: "created", before: null, after: ada },
    {
      version: 2,
      change: "updated",
      changedFields: ["displayName", "teamIds"],
      before: ada,
      after: inTwoTeams,
    },
    { version: 3, change: "updated", changedFields: ["handle"], before: inTwoTeams, after: lovelace },
    { version: 4, change: "deleted", before: lovelace, after: null },
    { version: 5, change: "created", before: null, after: { handle: "ada", teamIds: [] } },
  ]);
  expect(events.of(id)[0]).toMatchObject({ source: "profile-service", type: "ProfileChanged", subject: id });
});
