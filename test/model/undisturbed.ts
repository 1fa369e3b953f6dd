import type { Step } from "./explore.ts";
import { refresherSteps } from "./invalidate.ts";
import { withItem } from "./memcached.ts";
import type { Bounds, Protocol } from "./protocol.ts";
import { readerSteps } from "./read.ts";
import { type Content, idleRefresher, initialWorld, withRefresher, type World } from "./world.ts";

const alone: Bounds = { readers: 1, refreshers: 1, versions: 2, late: 0 };

/** The names of the steps of one reader whom nobody disturbs, and who finds `standing`. */
export function undisturbedRead(protocol: Protocol, standing: Content | undefined): string[] {
  const step = (world: World) => readerSteps(world, protocol, alone, 0);
  return namesUntil(({ readers }) => readers[0]?.at === "lookUp", step, worldWith(protocol, standing, 2));
}

/** The same of a refresh after event number `event`, while the primary stands at `row`. */
export function undisturbedRefresh(
  protocol: Protocol,
  standing: Content | undefined,
  { row, event }: { readonly row: number; readonly event: number },
): string[] {
  const step = (world: World) => refresherSteps(world, protocol, alone, 0);
  const begun = withRefresher(worldWith(protocol, standing, row), 0, { ...idleRefresher, version: event });
  return namesUntil(({ refreshers }) => refreshers[0]?.version === 0, step, begun);
}

function worldWith(protocol: Protocol, standing: Content | undefined, row: number): World {
  const world = { ...initialWorld(alone), row };
  return standing ? withItem(world, protocol, { ...standing, unique: 1 }) : world;
}

/** `reader 1: lookUp, absent` → `lookUp`. */
function namesUntil(
  isDone: (world: World) => boolean,
  stepsIn: (world: World) => readonly Step<World>[],
  begun: World,
): string[] {
  const names: string[] = [];
  let world = begun;
  do {
    const [step] = stepsIn(world);
    if (!step) throw new Error(`nothing follows ${names.join(", ")}`);
    names.push(step.name.replace(/^[^:]*: (\w+).*$/, "$1"));
    world = step.world;
  } while (!isDone(world));
  return names;
}
