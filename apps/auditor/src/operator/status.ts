import { z } from "zod";
import type { Share } from "../audit/tally.ts";
import { violation, type Violation } from "../audit/violations.ts";

const count = z.int().nonnegative();

/** `GET /status` of the auditor; docs/schemas/audit.schema.json is made of it. */
export const auditorStatus = z.object({
  service: z.literal("auditor"),
  group: z.string(),
  isReading: z.boolean(),
  sampleRate: z.number(),
  horizonsSeconds: z.array(z.number()),
  pending: count.describe("Checks that wait for their time"),
  shares: z.array(
    z.object({
      pool: z.string(),
      view: z.string(),
      horizonSeconds: z.number(),
      counts: z.object({ fresh: count, stale: count, unconfirmed: count, unanswered: count }),
      share: z
        .number()
        .nullable()
        .describe("Fresh ones of those that ended as fresh or stale; null: none did"),
      ninesAtLeast: z.number().describe("At 95 % confidence: 0.999 is 3 nines"),
    }),
  ),
  violations: z.array(violation).describe("The last hundred, the newest first"),
});

export type AuditorStatus = z.infer<typeof auditorStatus>;

export function statusOf(
  of: Omit<AuditorStatus, "service" | "shares" | "violations">,
  shares: readonly Share[],
  violations: readonly Violation[],
): AuditorStatus {
  return { service: "auditor", ...of, shares: [...shares], violations: [...violations] };
}
