import type { RefreshStep } from "@freshet/cache";
import type { Step } from "./explore.ts";
import { execute, itemOf, withItem } from "./memcached.ts";
import type { Bounds, Protocol } from "./protocol.ts";
import {
  acknowledge,
  askedNode,
  type Content,
  idleRefresher,
  type Late,
  type Refresher,
  snapshotOf,
  withLate,
  withRefresher,
  type World,
} from "./world.ts";

const maxRounds = 3;

/**
 * The invalidation of the newest event. Those of older events and duplicates remove what an eviction removes, and
 * acknowledge less; one that is executed after its time-out does as well.
 */
export function invalidationSteps(world: World, protocol: Protocol): Step<World>[] {
  const { row } = world;
  if (row === 1 || (protocol.loadsFrom === "gatedReplica" && world.replica < row)) return [];
  const steps: Step<World>[] = [];
  if (askedNode(world, protocol) !== undefined)
    steps.push({
      name: `invalidator: ${protocol.invalidation}, version ${row} acknowledged`,
      world: acknowledge(invalidated(world, protocol), row),
    });
  if (protocol.acknowledgesTimeOuts)
    steps.push({ name: `invalidator: delete, version ${row} timed out`, world: acknowledge(world, row) });
  return steps;
}

function invalidated(world: World, protocol: Protocol): World {
  switch (protocol.invalidation) {
    case "delete":
      return withItem(world, protocol, undefined);
    case "tombstone":
      return execute(world, protocol, { type: "set", content: { kind: "tombstone" } }).world;
    case "deleteTag":
      return { ...world, tag: undefined };
    case "incrementTag":
      return { ...world, tag: world.tag && world.tag + 1 };
  }
}

/** Every step of refresher `index`: of any event, the newest, an old one or one that it has had before. */
export function refresherSteps(
  world: World,
  protocol: Protocol,
  bounds: Bounds,
  index: number,
): Step<World>[] {
  const refresher = world.refreshers[index];
  if (!refresher || protocol.refresh === "none" || askedNode(world, protocol) === undefined) return [];
  const mayTimeOut = world.late.length < bounds.late;
  const events = Array.from({ length: world.row - 1 }, (_, at) => at + 2);
  const begun = refresher.version > 0 ? [refresher] : events.map((version) => begin(protocol, version));
  return begun.flatMap((one) =>
    takeStep[one.at]({ world, protocol, refresher: one, index, mayTimeOut }).map((step) => ({
      ...step,
      name: `refresh ${index + 1} of version ${one.version}: ${step.name}`,
    })),
  );
}

interface Turn {
  readonly world: World;
  readonly protocol: Protocol;
  readonly refresher: Refresher;
  readonly index: number;
  readonly mayTimeOut: boolean;
}

const takeStep: Readonly<Record<RefreshStep, (turn: Turn) => Step<World>[]>> = {
  lookUp,
  load,
  renew,
  delete: deleteKey,
};

function begin({ refresh }: Protocol, version: number): Refresher {
  return { ...idleRefresher, version, at: refresh === "captureAfterLoad" ? "load" : "lookUp" };
}

function lookUp(turn: Turn): Step<World>[] {
  const { world, protocol, refresher } = turn;
  const item = itemOf(world, protocol);
  if (!item) return [{ name: "lookUp, absent", world: done(turn, world) }];
  if (item.kind === "value" && item.version >= refresher.version)
    return [{ name: "lookUp, newer", world: done(turn, world) }];
  const token = { unique: item.unique, isOfThisConnection: true };
  const at = protocol.refresh === "captureAfterLoad" ? "renew" : "load";
  return [{ name: "lookUp, captured", world: goOn(turn, { at, token }) }];
}

function load(turn: Turn): Step<World>[] {
  const snapshot = snapshotOf(turn.world, turn.protocol);
  const at = snapshot < turn.refresher.version ? "delete" : after(turn.protocol);
  return [{ name: `load, version ${snapshot}`, world: goOn(turn, { at, snapshot }) }];
}

function after({ refresh }: Protocol): RefreshStep {
  return refresh === "captureAfterLoad" ? "lookUp" : "renew";
}

function renew(turn: Turn): Step<World>[] {
  const { world, protocol, refresher, mayTimeOut } = turn;
  const { snapshot = 0, token, round } = refresher;
  const content: Content = { kind: "value", version: snapshot, tag: undefined };
  const command: Late =
    protocol.refresh === "set" ? { type: "set", content } : { type: "cas", content, token };
  const { world: afterwards, answer } = execute(world, protocol, command);
  const name = `renew, version ${snapshot}`;
  const steps: Step<World>[] = [];
  if (answer === "exists" && protocol.refresh !== "existsIsDone") {
    const { at } = begin(protocol, refresher.version);
    const again = round < maxRounds ? { at, round: round + 1 } : { at: "delete" as const };
    steps.push({ name: `${name} exists`, world: goOn(turn, { ...again, token: undefined }) });
  } else if (answer === "connection_changed")
    steps.push({ name: `${name} connection_changed`, world: goOn(turn, { at: "delete" }) });
  else steps.push({ name: `${name} ${answer}`, world: done(turn, afterwards) });
  if (mayTimeOut && answer !== "connection_changed")
    steps.push({
      name: `${name} timed out`,
      world: goOn({ ...turn, world: withLate(world, command) }, { at: "delete" }),
    });
  return steps;
}

function deleteKey(turn: Turn): Step<World>[] {
  return [{ name: "delete", world: done(turn, withItem(turn.world, turn.protocol, undefined)) }];
}

function done({ refresher, index }: Turn, world: World): World {
  return acknowledge(withRefresher(world, index, idleRefresher), refresher.version);
}

function goOn({ world, refresher, index }: Turn, learned: Partial<Refresher>): World {
  return withRefresher(world, index, { ...refresher, ...learned });
}
