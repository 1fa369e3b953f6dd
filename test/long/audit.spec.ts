// A million checks of a healthy system, each change reaching 22 keys: the auditor finds nothing, and then what is
// planted. `npm run test:audit -- --checks 1000000`.
import { expect, test } from "vitest";
import { type AuditorStatus, auditorStatus } from "../../apps/auditor/src/operator/status.ts";
import { leastShare, nines } from "../../apps/auditor/src/audit/confidence.ts";
import { untilQuiet } from "../support/checker.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { ownBroker } from "../support/own-servers.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

const wanted = Number(process.env["AUDIT_CHECKS"] ?? 100_000);
/** Changing goes on for so long at most. */
const boundMs = 8 * 60_000;
const horizons = "3,4,5,6,7";
const [profiles, teamsOfEach, teams] = [500, 20, 500];
/** Lanes that each change one profile and read three views, over and over. */
const lanes = 6;
/** More than these wait for their time, and the changes pause: a skipped event would be no check. */
const mostPending = 200_000;

test("of a million checks of a healthy system none is stale, and a value that is stored blindly afterwards is reported", async () => {
  const broker = await ownBroker();
  await using system = await System.create({ brokers: [broker.address] });
  const [service, , auditor] = await Promise.all([
    system.startService(),
    system.startInvalidator(),
    system.startAuditor({
      env: { AUDIT_HORIZONS_SECONDS: horizons, AUDIT_MAX_PENDING: String(2 * mostPending) },
    }),
  ]);
  const status = async (): Promise<AuditorStatus> =>
    auditorStatus.parse(await (await fetch(`${auditor.url}/status`)).json());
  const send = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${service.url}/${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    await answer.arrayBuffer();
    expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
    return answer.headers.get("x-cache");
  };
  const name = uniqueName("audited");
  const id = (n: number) => `${name}-${n % profiles}`;
  const team = (n: number) => `${name}-t${n % teams}`;
  for (let n = 0; n < profiles; n += 1) {
    const teamIds = Array.from({ length: teamsOfEach }, (_, index) => team(n + index));
    await send("POST", "profiles", { id: id(n), handle: id(n), displayName: "0", teamIds });
  }

  const random = seededRandom(1);
  const any = () => Math.floor(random() * profiles);
  const startedMs = Date.now();
  let [changes, reads, hits, goesOn, pauses] = [0, 0, 0, true, false];
  const lane = async () => {
    while (goesOn) {
      if (!pauses) {
        changes += 1;
        await send("PATCH", `profiles/${id(any())}`, { displayName: String(changes) });
      }
      for (const path of [
        `profiles/${id(any())}`,
        `profiles/by-handle/${id(any())}`,
        `teams/${team(any())}/directory`,
      ]) {
        reads += 1;
        if ((await send("GET", path)) === "HIT") hits += 1;
      }
    }
  };
  const enough = waitFor(
    async () => {
      const now = await status();
      pauses = now.pending > mostPending;
      return endedOf(now) >= wanted ? true : undefined;
    },
    { timeoutMs: boundMs, describe: `${wanted} checks` },
  ).finally(() => {
    goesOn = false;
  });
  await Promise.all([enough, ...Array.from({ length: lanes }, lane)]);
  await untilQuiet(system);
  const idle = () =>
    waitFor(
      async () => {
        const now = await status();
        return now.pending === 0 ? now : undefined;
      },
      { timeoutMs: 120_000, describe: "every check to end" },
    );
  const after = await idle();
  const pools = [...new Set(after.shares.map(({ pool }) => pool))].map((pool) => {
    const of = after.shares.filter((share) => share.pool === pool);
    const sum = (verdict: keyof AuditorStatus["shares"][number]["counts"]) =>
      of.reduce((total, { counts }) => total + counts[verdict], 0);
    const [fresh, stale] = [sum("fresh"), sum("stale")];
    const ninesAtLeast = nines(leastShare(fresh, fresh + stale)).toFixed(2);
    return {
      pool,
      fresh,
      stale,
      ninesAtLeast,
      unconfirmed: sum("unconfirmed"),
      unanswered: sum("unanswered"),
    };
  });
  const minutes = ((Date.now() - startedMs) / 60_000).toFixed(1);
  console.table(pools);
  console.log({
    checks: endedOf(after),
    violations: after.violations.length,
    minutes,
    changes,
    reads,
    hitShare: (hits / reads).toFixed(2),
  });
  expect(after.violations).toEqual([]);
  expect(pools.map(({ stale, unconfirmed, unanswered }) => stale + unconfirmed + unanswered)).toEqual(
    pools.map(() => 0),
  );

  // What found nothing finds this.
  const [key, path] = [`user_profile:${id(0)}`, `profiles/${id(0)}`];
  await waitFor(async () => ((await send("GET", path)) === "HIT" ? true : undefined), { describe: "a hit" });
  const copies = await Promise.all(
    system.nodeAddresses.map(async (node) => ({ node, text: await readKey(node, key) })),
  );
  const { node, text } = copies.find((copy) => copy.text !== undefined) ?? { node: "", text: "" };
  await send("PATCH", path, { displayName: uniqueName("new") });
  await untilQuiet(system);
  await writeKey(node, key, text ?? "");
  const found = await waitFor(
    async () => (await status()).violations.find((violation) => violation.key === key),
    { timeoutMs: 60_000, describe: `a report of ${key}` },
  );
  expect(found).toMatchObject({ node, late: "acknowledged" });
});

function endedOf({ shares }: AuditorStatus): number {
  return shares.reduce(
    (sum, { counts }) => sum + counts.fresh + counts.stale + counts.unconfirmed + counts.unanswered,
    0,
  );
}
