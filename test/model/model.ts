import { type Exploration, explore, type Step } from "./explore.ts";
import { invalidationSteps, refresherSteps } from "./invalidate.ts";
import { keyOf } from "./key.ts";
import { execute, restarted, withItem } from "./memcached.ts";
import type { Bounds, Protocol } from "./protocol.ts";
import { readerSteps } from "./read.ts";
import { initialWorld, servedVersion, type World } from "./world.ts";

/** What must hold in every world. */
export type PromiseName = keyof typeof isBroken;

export interface Options {
  readonly promises?: readonly PromiseName[];
  readonly maxStates?: number;
}

/** Explores everything that the participants of a protocol can do to one key, and what can happen to them. */
export function check(protocol: Protocol, bounds: Bounds, options: Options = {}): Exploration {
  const { promises = ["I1", "I3", "cachedAgain"], maxStates = 20_000_000 } = options;
  return explore({
    initial: initialWorld(bounds),
    next: (world) => allSteps(world, protocol, bounds),
    keyOf: (world) => keyOf(world, protocol),
    brokenPromise: (before, after) =>
      promises.find((promise) => isBroken[promise]({ before, after, protocol, bounds })),
    maxStates,
  });
}

function allSteps(world: World, protocol: Protocol, bounds: Bounds): Step<World>[] {
  return [
    ...writerSteps(world, bounds),
    ...world.readers.flatMap((_, index) => readerSteps(world, protocol, bounds, index)),
    ...world.refreshers.flatMap((_, index) => refresherSteps(world, protocol, bounds, index)),
    ...invalidationSteps(world, protocol),
    ...faults(world, protocol),
  ];
}

function writerSteps(world: World, { versions }: Bounds): Step<World>[] {
  if (world.row === versions) return [];
  const row = world.row + 1;
  return [{ name: `writer: commit, version ${row}`, world: { ...world, row } }];
}

function faults(world: World, protocol: Protocol): Step<World>[] {
  const steps: Step<World>[] = [];
  const [item] = world.items;
  // Also a value or a stub whose life is over, and a writer's own delete.
  if (item && (item.kind !== "stub" || protocol.stubsExpire))
    steps.push({ name: `memcached: ${item.kind} evicted`, world: withItem(world, protocol, undefined) });
  if (world.tag !== undefined)
    steps.push({ name: "memcached: tag evicted", world: { ...world, tag: undefined } });
  steps.push({ name: "memcached: restarted", world: restarted(world) });
  for (const [index, command] of world.late.entries()) {
    const { world: after, answer } = execute(world, protocol, command);
    steps.push({
      name: `memcached: late ${command.type} ${answer}`,
      world: { ...after, late: after.late.toSpliced(index, 1) },
    });
  }
  if (protocol.failsOver)
    steps.push({
      name: world.isFirstNodeAway ? "memcached: the first node is back" : "memcached: the first node is away",
      world: { ...world, isFirstNodeAway: !world.isFirstNodeAway },
    });
  if (protocol.loadsFrom !== "primary" && world.replica < world.row)
    steps.push({
      name: `replica: applies version ${world.replica + 1}`,
      world: { ...world, replica: world.replica + 1 },
    });
  return steps;
}

interface Transition {
  readonly before: World;
  readonly after: World;
  readonly protocol: Protocol;
  readonly bounds: Bounds;
}

const isBroken = {
  /** No value is a hit that is older than an invalidation that was acknowledged. */
  I1: ({ after, protocol }: Transition): boolean => {
    const served = servedVersion(after, protocol);
    return served !== undefined && served < after.acknowledged;
  },
  /** No write puts an older value in the place of a newer one. */
  I3: ({ before, after, protocol }: Transition): boolean => {
    if (before.isFirstNodeAway !== after.isFirstNodeAway) return false;
    const [replaced, served] = [servedVersion(before, protocol), servedVersion(after, protocol)];
    return served !== undefined && replaced !== undefined && served < replaced;
  },
  /** A reader who comes while nobody is at work, and after the life of a stub, leaves a value. */
  cachedAgain: ({ after, protocol, bounds }: Transition): boolean => {
    if (after.items[0]?.kind !== "stub" || after.isFirstNodeAway) return false;
    if (after.readers.some(({ at }) => at !== "lookUp")) return false;
    let now = protocol.stubsExpire ? withItem(after, protocol, undefined) : after;
    for (let steps = 0; steps < protocol.read.length; steps++)
      now = readerSteps(now, protocol, bounds, 0)[0]?.world ?? now;
    return servedVersion(now, protocol) === undefined;
  },
};
