import type { Exploration } from "./explore.ts";
import type { Bounds } from "./protocol.ts";

/** One line on what was explored. */
export function describeExploration(
  name: string,
  { readers, refreshers, versions, late }: Bounds,
  { states, steps, depth }: Exploration,
  tookMs: number,
): string {
  const world = `${readers} readers, ${refreshers} refreshers, ${versions} versions, ${late} late commands`;
  const explored = `${states.toLocaleString("en")} states, ${steps.toLocaleString("en")} steps, depth ${depth}`;
  return `${name} (${world}): ${explored}, ${(tookMs / 1_000).toFixed(1)} s`;
}
