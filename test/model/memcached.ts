import { askedNode, type Content, type Item, type Late, type Token, type World } from "./world.ts";
import type { Protocol } from "./protocol.ts";

export type Answer = "stored" | "present" | "exists" | "not_found" | "connection_changed" | "refused";

/** Executes one command on the node that is asked; a world in which none answers has no such steps. */
export function execute(
  world: World,
  protocol: Protocol,
  command: Late,
): { readonly world: World; readonly answer: Answer; readonly token?: Token } {
  if (command.type === "addTag")
    return world.tag === undefined
      ? { world: { ...world, tag: command.tag }, answer: "stored" }
      : { world, answer: "present" };
  const standing = itemOf(world, protocol);
  const answer = answerOf(standing, protocol, command);
  if (answer !== "stored") return { world, answer };
  const unique = freshUnique(world);
  return {
    world: withItem(world, protocol, { ...command.content, unique }),
    answer,
    token: { unique, isOfThisConnection: true },
  };
}

function answerOf(
  standing: Item | undefined,
  { checksConnection }: Protocol,
  command: Exclude<Late, { type: "addTag" }>,
): Answer {
  switch (command.type) {
    case "set":
      return "stored";
    case "add":
      return standing ? "present" : "stored";
    case "setIfNewer":
      return standing && versionOf(standing) >= versionOf(command.content) ? "refused" : "stored";
    case "setIfOwnLease":
      return standing?.kind === "stub" && standing.owner === command.owner ? "stored" : "refused";
    case "cas":
      if (!command.token || (checksConnection && !command.token.isOfThisConnection))
        return "connection_changed";
      if (!standing) return "not_found";
      return standing.unique === command.token.unique ? "stored" : "exists";
  }
}

export function itemOf(world: World, protocol: Protocol): Item | undefined {
  const node = askedNode(world, protocol);
  return node === undefined ? undefined : world.items[node];
}

export function withItem(world: World, protocol: Protocol, item: Item | undefined): World {
  const node = askedNode(world, protocol);
  if (node === undefined) return world;
  const [first, second] = world.items;
  return { ...world, items: node === 0 ? [item, second] : [first, item] };
}

/** Empty, and with CAS uniques counted anew. What was under way to it is lost with its connections. */
export function restarted(world: World): World {
  return {
    ...world,
    items: [undefined, world.items[1]],
    tag: undefined,
    late: [],
    readers: world.readers.map((reader) => ({ ...reader, token: ofAnEarlierConnection(reader.token) })),
    refreshers: world.refreshers.map((refresher) => ({
      ...refresher,
      token: ofAnEarlierConnection(refresher.token),
    })),
  };
}

/** A token of a tag that nobody has ever heard of. */
export function freshTag(world: World): number {
  const tags = [
    world.tag,
    ...world.items.map((item) => (item?.kind === "value" ? item.tag : undefined)),
    ...world.readers.flatMap(({ tag, sentTag }) => [tag, sentTag]),
    ...world.late.map((late) =>
      late.type === "addTag" ? late.tag : late.content.kind === "value" ? late.content.tag : undefined,
    ),
  ];
  return smallestNotIn(tags);
}

/**
 * A CAS unique that nobody holds. One of an earlier connection may come again: after a restart memcached counts
 * from 1.
 */
function freshUnique(world: World): number {
  const tokens = [
    ...world.readers.map(({ token }) => token),
    ...world.refreshers.map(({ token }) => token),
    ...world.late.map((late) => (late.type === "cas" ? late.token : undefined)),
  ];
  return smallestNotIn([
    ...world.items.map((item) => item?.unique),
    ...tokens.map((token) => (token?.isOfThisConnection ? token.unique : undefined)),
  ]);
}

function smallestNotIn(taken: readonly (number | undefined)[]): number {
  let candidate = 1;
  while (taken.includes(candidate)) candidate++;
  return candidate;
}

function ofAnEarlierConnection(token: Token | undefined): Token | undefined {
  return token && { ...token, isOfThisConnection: false };
}

function versionOf(content: Content): number {
  return content.kind === "value" ? content.version : 0;
}
