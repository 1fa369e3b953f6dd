import type { CacheKey } from "@freshet/contracts";
import type { PlannedRefresh } from "@freshet/dependency-graph";
import { describe, expect, it } from "vitest";
import { bySubject, graphOf } from "../../../../test/support/profile-graph.ts";
import { renewalsOf, whyNotTried } from "./renew.ts";

const graph = graphOf({
  user_profile: {
    key: "user_profile:{profileId}",
    ttlSeconds: 60,
    dependsOn: bySubject,
    onChange: { refresh: "/internal/views/user_profile" },
  },
});
const key = "user_profile:~c8687a08aa5d6ed2044328fa6a697ab8" as CacheKey;

describe("the keys to renew", () => {
  it("are those that the plan refreshes, each with the entity's own id, however its key is written", () => {
    const planned: PlannedRefresh = {
      key,
      view: "user_profile",
      action: "refresh",
      version: 7,
      subject: "a b",
    };
    expect(renewalsOf([planned], graph)).toEqual([
      {
        item: { key, subject: "profile:a b", version: 7, ttlSeconds: 60 },
        view: "user_profile",
        service: "profile-service",
        path: "/internal/views/user_profile",
        params: { profileId: "a b" },
      },
    ]);
  });
});

describe("a key is deleted, and its service not asked,", () => {
  const settings = { on: true, maxLagSeconds: 5 };
  const [here, away] = [{ isAway: () => false }, { isAway: () => true }];
  const batch = { nowMs: 10_000, oldestMs: 9_000 };

  it.each([
    ["when refreshing is turned off", { ...settings, on: false }, here, batch, "off"],
    ["when nobody says where the service is", settings, undefined, batch, "not_configured"],
    ["when the batch is older than the limit", settings, here, { ...batch, oldestMs: 4_999 }, "lagging"],
    ["while the service is away", settings, away, batch, "owner_away"],
  ] as const)("%s", (_, how, owner, when, reason) => {
    expect(whyNotTried(how, owner, when)).toBe(reason);
  });

  it("and in no other case", () => {
    expect(whyNotTried(settings, here, { nowMs: 10_000, oldestMs: 5_000 })).toBeUndefined();
  });
});
