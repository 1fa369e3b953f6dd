import { type Finding, ok, warning } from "./finding.ts";

/** More than this shows in every lag in seconds, and in commit → gone. */
const noticeableMs = 500;

const synchronise = "let both follow the same time (chrony, ntpd): lags and ages are wrong by as much";

/** A clock less ours, known up to `toleranceMs`. Pure. */
export function judgeClock(of: string, skewMs: number, toleranceMs: number): Finding {
  const surely = Math.max(0, Math.abs(skewMs) - toleranceMs);
  if (surely <= noticeableMs) return ok("clock", of, `as ours, within ${Math.ceil(surely + toleranceMs)} ms`);
  const way = skewMs > 0 ? "ahead of" : "behind";
  return warning("clock", of, `at least ${Math.round(surely)} ms ${way} ours`, synchronise);
}

/** A broker tells no time, but nothing can have been appended later than now. Pure. */
export function judgeBrokerClock(newestAppendMs: number | undefined, nowMs: number): Finding {
  if (newestAppendMs === undefined)
    return ok("clock", "Kafka", "can't be told: the topics hold no record with LogAppendTime");
  const aheadMs = newestAppendMs - nowMs;
  return aheadMs > noticeableMs
    ? warning("clock", "Kafka", `at least ${aheadMs} ms ahead of ours`, synchronise)
    : ok("clock", "Kafka", "not ahead of ours; whether it is behind only a write could tell");
}
