import { z } from "zod";
import type { Audit } from "./message.ts";

/** How long the auditor may take to answer, in ms. */
const timeoutMs = 2_000;
const violationsShown = 5;

/** What the page takes of the auditor's `GET /status`; docs/schemas/audit.schema.json has all of it. */
const auditorStatus = z.object({
  service: z.literal("auditor"),
  shares: z.array(
    z.object({
      pool: z.string(),
      view: z.string(),
      horizonSeconds: z.number(),
      counts: z.object({ fresh: z.number(), stale: z.number() }),
      ninesAtLeast: z.number(),
    }),
  ),
  violations: z.array(
    z.object({
      at: z.string(),
      pool: z.string(),
      key: z.string(),
      node: z.string(),
      cachedVersion: z.number().nullable(),
      committedVersion: z.number(),
      because: z.string(),
    }),
  ),
});

/** Asks the auditor what its checks have found. Never rejects: it says what is not known. */
export async function askAuditor(url: string | undefined): Promise<Audit> {
  if (url === undefined)
    return {
      known: false,
      why: "AUDITOR_URL is not set: start the auditor, and give the invalidator its address",
    };
  try {
    const response = await fetch(new URL("/status", url), { signal: AbortSignal.timeout(timeoutMs) });
    return auditOf(await response.json());
  } catch {
    return { known: false, why: "the auditor at AUDITOR_URL does not answer" };
  }
}

/** Each view's checks at the longest horizon, after which lag is no excuse, and the last violations. */
export function auditOf(status: unknown): Audit {
  const read = auditorStatus.safeParse(status);
  if (!read.success) return { known: false, why: "what answers at AUDITOR_URL is not an auditor" };
  const { shares, violations } = read.data;
  const longest = Math.max(...shares.map(({ horizonSeconds }) => horizonSeconds));
  return {
    known: true,
    views: shares
      .filter(({ horizonSeconds }) => horizonSeconds === longest)
      .map(({ pool, view, horizonSeconds, counts: { fresh, stale }, ninesAtLeast }) => ({
        pool,
        view,
        horizonSeconds,
        fresh,
        stale,
        ninesAtLeast,
      })),
    violations: violations.slice(0, violationsShown),
  };
}
