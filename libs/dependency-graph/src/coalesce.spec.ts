import { type CacheKey, type ChangeEvent } from "@freshet/contracts";
import { expect, it } from "vitest";
import { bySubject, event, graphOf } from "../../../test/support/profile-graph.ts";
import { CoalescedPlan } from "./index.ts";

const refreshed = graphOf({
  user_profile: {
    key: "user_profile:{profileId}",
    dependsOn: bySubject,
    onChange: { refresh: "/internal/views/user_profile" },
  },
});
const refresh = {
  key: "user_profile:42",
  view: "user_profile",
  action: "refresh",
  version: 7,
  subject: "42",
};

it("a view is renewed once for a batch, to its highest version, whatever the order; a delete overrules", () => {
  const changed = (version: number, change: "updated" | "deleted" = "updated") => event({ version, change });
  const coalesce = (events: readonly ChangeEvent[]) => {
    const batch = new CoalescedPlan();
    for (const one of events) batch.add(refreshed, one);
    return batch;
  };
  const [one, two, three] = [changed(7), changed(9), changed(8)];
  for (const batch of [
    [one, two, three],
    [three, two, one],
    [two, one, three],
  ]) {
    const { refreshes, applied, superseded, unaffected } = coalesce(batch);
    expect(refreshes.get(refresh.key as CacheKey)).toEqual({ ...refresh, version: 9 });
    expect([applied, superseded, unaffected]).toEqual([1, 2, 0]);
  }
  for (const batch of [
    [changed(3, "deleted"), two],
    [two, changed(3, "deleted")],
  ]) {
    const { deletes, refreshes } = coalesce(batch);
    expect(deletes).toContain(refresh.key);
    expect([...refreshes]).toEqual([]);
  }
});
