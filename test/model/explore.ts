/** One atomic step of one participant, and the world after it. */
export interface Step<World> {
  readonly name: string;
  readonly world: World;
}

export interface Exploration {
  /** Distinct worlds that can be reached. */
  readonly states: number;
  readonly steps: number;
  /** The longest of the shortest ways to a state. */
  readonly depth: number;
  /** The promise that was broken first, and a shortest way there. */
  readonly violation?: { readonly promise: string; readonly trace: readonly string[] };
}

/**
 * Visits every world that can be reached, those that are fewer steps away first, until one breaks a promise.
 * `keyOf` may give one key to worlds that behave alike.
 * @throws RangeError beyond `maxStates`
 */
export function explore<World>(options: {
  readonly initial: World;
  readonly next: (world: World) => readonly Step<World>[];
  readonly keyOf: (world: World) => string;
  readonly brokenPromise: (before: World, after: World) => string | undefined;
  readonly maxStates: number;
}): Exploration {
  const { initial, next, keyOf, brokenPromise, maxStates } = options;
  const seen = new Set([keyOf(initial)]);
  const cameFrom: number[] = [-1];
  const cameBy: string[] = [""];
  let frontier = [{ id: 0, world: initial }];
  let steps = 0;
  let depth = 0;
  for (; frontier.length > 0; depth++) {
    const further: typeof frontier = [];
    for (const { id, world } of frontier)
      for (const step of next(world)) {
        steps++;
        const promise = brokenPromise(world, step.world);
        if (promise !== undefined) {
          const trace = [...wayTo(id, cameFrom, cameBy), step.name];
          return { states: seen.size, steps, depth, violation: { promise, trace } };
        }
        const key = keyOf(step.world);
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > maxStates) throw new RangeError(`more than ${maxStates} states`);
        further.push({ id: cameFrom.length, world: step.world });
        cameFrom.push(id);
        cameBy.push(step.name);
      }
    frontier = further;
  }
  return { states: seen.size, steps, depth };
}

function wayTo(id: number, cameFrom: readonly number[], cameBy: readonly string[]): string[] {
  const trace: string[] = [];
  for (let at = id; at > 0; at = cameFrom[at] ?? 0) trace.push(cameBy[at] ?? "");
  return trace.reverse();
}
