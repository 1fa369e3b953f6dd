import type { ReadStep } from "@freshet/cache";
import type { Step } from "./explore.ts";
import { execute, freshTag, itemOf } from "./memcached.ts";
import type { Bounds, Protocol } from "./protocol.ts";
import {
  askedNode,
  type Content,
  idleReader,
  type Late,
  type Reader,
  servedVersion,
  snapshotOf,
  withLate,
  withReader,
  type World,
} from "./world.ts";

/** Every step that reader `index` may take now; the first one is what happens when nothing goes wrong. */
export function readerSteps(world: World, protocol: Protocol, bounds: Bounds, index: number): Step<World>[] {
  const reader = world.readers[index];
  if (!reader || askedNode(world, protocol) === undefined) return [];
  const mayTimeOut = world.late.length < bounds.late;
  const steps = takeStep[reader.at]({ world, protocol, reader, index, mayTimeOut });
  // It is killed, or its fill deadline is over: nothing is filled.
  if (reader.at !== "lookUp") steps.push({ name: "crash", world: withReader(world, index, idleReader) });
  return steps.map((step) => ({ ...step, name: `reader ${index + 1}: ${step.name}` }));
}

interface Turn {
  readonly world: World;
  readonly protocol: Protocol;
  readonly reader: Reader;
  readonly index: number;
  readonly mayTimeOut: boolean;
}

const takeStep: Readonly<Record<ReadStep, (turn: Turn) => Step<World>[]>> = {
  lookUp,
  claim,
  captureTags,
  load,
  fill,
};

/** A hit ends the read and changes nothing: it is no step here. */
function lookUp(turn: Turn): Step<World>[] {
  const { world, protocol } = turn;
  const item = itemOf(world, protocol);
  if (!item) return [{ name: "lookUp, absent", world: goOn(turn, {}) }];
  if (item.kind === "tombstone") return [];
  if (item.kind === "stub" && !protocol.fillsOverLeases) return [];
  const token = { unique: item.unique, isOfThisConnection: true };
  if (item.kind === "stub") return [{ name: "lookUp, leased", world: goOn(turn, { token }) }];
  const served = servedVersion(world, protocol);
  if (served === undefined) return [{ name: "lookUp, tag_changed", world: goOn(turn, { token }) }];
  // A caller that has seen the commit demands it by its `min`.
  return served < world.row ? [{ name: "lookUp, too_old", world: goOn(turn, { token }) }] : [];
}

function claim(turn: Turn): Step<World>[] {
  const { world, protocol, reader, index, mayTimeOut } = turn;
  const command: Late = { type: "add", content: { kind: "stub", owner: index } };
  const { world: after, answer, token } = execute(world, protocol, command);
  const steps: Step<World>[] = [];
  if (answer === "stored") steps.push({ name: "claim", world: goOn({ ...turn, world: after }, { token }) });
  // Capturing what is there after all is looking up again.
  else steps.push({ name: "claim, present", world: withReader(world, index, idleReader) });
  if (mayTimeOut)
    steps.push({
      name: "claim, timed out",
      world: withReader(withLate(world, command), index, protocol.repeatsAdds ? reader : idleReader),
    });
  return steps;
}

function captureTags(turn: Turn): Step<World>[] {
  const { world, protocol, reader, index, mayTimeOut } = turn;
  if (world.tag !== undefined) return [{ name: "captureTags", world: goOn(turn, { tag: world.tag }) }];
  // A counter starts where every counter starts.
  const tag = reader.sentTag ?? (protocol.invalidation === "incrementTag" ? 1 : freshTag(world));
  const command: Late = { type: "addTag", tag };
  const { world: after } = execute(world, protocol, command);
  const steps = [{ name: "captureTags, added", world: goOn({ ...turn, world: after }, { tag }) }];
  if (mayTimeOut)
    steps.push({
      name: "captureTags, timed out",
      world: withReader(
        withLate(world, command),
        index,
        protocol.repeatsAdds ? { ...reader, sentTag: tag } : idleReader,
      ),
    });
  return steps;
}

function load(turn: Turn): Step<World>[] {
  const snapshot = snapshotOf(turn.world, turn.protocol);
  return [{ name: `load, version ${snapshot}`, world: goOn(turn, { snapshot }) }];
}

function fill({ world, protocol, reader, index, mayTimeOut }: Turn): Step<World>[] {
  const { snapshot = 0, tag, token } = reader;
  const content: Content = { kind: "value", version: snapshot, tag };
  const command: Late =
    protocol.fill === "cas"
      ? { type: "cas", content, token }
      : protocol.fill === "setIfOwnLease"
        ? { type: "setIfOwnLease", content, owner: index }
        : { type: protocol.fill, content };
  const { world: after, answer } = execute(world, protocol, command);
  const steps = [
    { name: `fill, version ${snapshot} ${answer}`, world: withReader(after, index, idleReader) },
  ];
  if (mayTimeOut && answer !== "connection_changed")
    steps.push({
      name: `fill, version ${snapshot} timed out`,
      world: withReader(withLate(world, command), index, idleReader),
    });
  return steps;
}

/** To the next step; there is nothing to claim for one who has captured what is there. */
function goOn({ world, protocol, reader, index }: Turn, learned: Partial<Reader>): World {
  const now = { ...reader, ...learned };
  const ahead = protocol.read.slice(protocol.read.indexOf(reader.at) + 1);
  const at = ahead.find((step) => step !== "claim" || !now.token) ?? "lookUp";
  return withReader(world, index, { ...now, at });
}
