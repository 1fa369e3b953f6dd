import { describe, expect, it } from "vitest";
import { auditOf } from "./audit.ts";

const share = (horizonSeconds: number, fresh: number) => ({
  pool: "profiles",
  view: "user_profile",
  horizonSeconds,
  counts: { fresh, stale: 1, unconfirmed: 0, unanswered: 0 },
  share: fresh / (fresh + 1),
  ninesAtLeast: 2,
});
const violation = (key: string) => ({
  at: "2026-01-01T00:00:00.000Z",
  pool: "profiles",
  key,
  node: "127.0.0.1:11211",
  cachedVersion: 1,
  committedVersion: 2,
  because: "the node missed it",
});
const status = (horizons: readonly number[], keys: readonly string[] = []) => ({
  service: "auditor",
  shares: horizons.map((horizon) => share(horizon, horizon * 10)),
  violations: keys.map(violation),
});

describe("what the page shows of the auditor", () => {
  it("is each view at the longest horizon", () => {
    expect(auditOf(status([1, 60, 5]))).toMatchObject({
      known: true,
      views: [{ horizonSeconds: 60, fresh: 600, stale: 1, ninesAtLeast: 2 }],
    });
  });

  it("is the last five violations, the newest first", () => {
    const { violations } = { violations: [], ...auditOf(status([1], ["a", "b", "c", "d", "e", "f"])) };
    expect(violations.map(({ key }) => key)).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("is empty before the first check has ended", () => {
    expect(auditOf(status([]))).toEqual({ known: true, views: [], violations: [] });
  });

  it.each([{ service: "profile-service" }, "<html>", null])("is not known of %j", (body) => {
    expect(auditOf(body)).toEqual({ known: false, why: "what answers at AUDITOR_URL is not an auditor" });
  });
});
