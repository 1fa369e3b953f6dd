import { undecodableReasons } from "@freshet/contracts";
import { sourceTopic } from "@freshet/kafka";
import { InvalidArgumentError } from "commander";
import { timeMs } from "../tail-start.ts";
import type { Letter } from "./letter.ts";

/** Which letters are meant; what is undefined matches every letter. */
export interface Where {
  readonly reason?: string;
  readonly pool?: string;
  readonly topic?: string;
  readonly partition?: number;
  /** When they were parked, in ms since 1970; `toMs` is excluded. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

const reasons: readonly string[] = undecodableReasons;

/** Reads one `name=value` of --where into those before it. */
export function addWhere(text: string, before: Where, nowMs: number): Where {
  const equals = text.indexOf("=");
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
  if (equals < 1 || value === "") throw refused(text);
  switch (name) {
    case "reason":
      if (!reasons.includes(value))
        throw new InvalidArgumentError(`${text}: reasons are ${reasons.join(", ")}.`);
      return { ...before, reason: value };
    case "pool":
      return { ...before, pool: value };
    case "topic":
      return { ...before, topic: sourceTopic(value) };
    case "partition":
      if (!/^\d{1,9}$/.test(value)) throw refused(text);
      return { ...before, partition: Number(value) };
    case "from":
      return { ...before, fromMs: timeOf(value, nowMs, text) };
    case "to":
      return { ...before, toMs: timeOf(value, nowMs, text) };
    default:
      throw refused(text);
  }
}

/** Whether the letter is meant. Pure. */
export function matches({ reason, pool, topic, partition, fromMs, toMs }: Where, letter: Letter): boolean {
  return (
    (reason === undefined || letter.reason === reason) &&
    (pool === undefined || letter.pool === pool) &&
    (topic === undefined || letter.source.topic === topic) &&
    (partition === undefined || letter.source.partition === partition) &&
    (fromMs === undefined || letter.parkedMs >= fromMs) &&
    (toMs === undefined || letter.parkedMs < toMs)
  );
}

function timeOf(value: string, nowMs: number, text: string): number {
  const ms = timeMs(value, nowMs);
  if (ms === undefined) throw refused(text);
  return ms;
}

function refused(text: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `${text}: it must be reason=…, pool=…, topic=…, partition=<n>, from=… or to=…, times as an age (10m) or 2026-11-22T20:00:00Z.`,
  );
}
