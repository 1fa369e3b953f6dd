import type { Protocol } from "./protocol.ts";
import type { Item, Late, Reader, Refresher, Token, World } from "./world.ts";

/**
 * Equal for worlds that behave alike: which reader is which makes no difference, nor which number a token bears,
 * as long as it equals the same others. A CAS token whose item is gone never matches again, unless connections
 * are not compared.
 */
export function keyOf(world: World, protocol: Protocol): string {
  const names = new Names(world, protocol);
  const [first, second] = world.items;
  const place = `${world.row}${world.replica}${world.acknowledged}${world.isFirstNodeAway ? "away" : ""}`;
  const memcached = `${names.item(first)} ${names.item(second)} ${names.tag(world.tag)}`;
  const readers = world.readers.map((reader, index) => names.reader(reader, index)).sort();
  const refreshers = world.refreshers.map((refresher) => names.refresher(refresher)).sort();
  const late = world.late.map((command) => names.late(command)).sort();
  return `${place} ${memcached} ${readers.join(" ")}/${refreshers.join(" ")}/${late.join(" ")}`;
}

class Names {
  readonly #world: World;
  readonly #protocol: Protocol;
  readonly #tags: number[] = [];
  /** Whether the number of a CAS token can matter beyond that it is the item's. */
  readonly #keepsNumbers: boolean;

  constructor(world: World, protocol: Protocol) {
    this.#world = world;
    this.#protocol = protocol;
    this.#keepsNumbers = !protocol.checksConnection || protocol.failsOver;
  }

  item(item: Item | undefined): string {
    if (!item) return "-";
    const unique = this.#keepsNumbers ? item.unique : "";
    return item.kind === "value"
      ? `${item.version}.${this.tag(item.tag)}.${unique}`
      : `${item.kind}${unique}`;
  }

  tag(tag: number | undefined): string | number {
    if (tag === undefined) return "-";
    // A counter's value says where it goes on from.
    if (this.#protocol.invalidation === "incrementTag") return tag;
    const known = this.#tags.indexOf(tag);
    return known >= 0 ? known : this.#tags.push(tag) - 1;
  }

  token(token: Token | undefined): string | number {
    if (!token) return "-";
    if (!this.#protocol.checksConnection) return `${token.unique}${token.isOfThisConnection ? "" : "old"}`;
    const [first, second] = this.#world.items;
    const { unique, isOfThisConnection } = token;
    if (!isOfThisConnection || (first?.unique !== unique && second?.unique !== unique)) return "x";
    return this.#keepsNumbers ? unique : "=";
  }

  reader({ at, token, tag, sentTag, snapshot }: Reader, index: number): string {
    const captured = `${this.token(token)}${this.tag(tag)}${this.tag(sentTag)}`;
    return `${at}${captured}${snapshot ?? "-"}${this.#ownership(index)}`;
  }

  refresher({ at, version, round, token, snapshot }: Refresher): string {
    return `${at}${version}${round}${this.token(token)}${snapshot ?? "-"}`;
  }

  late(command: Late): string {
    if (command.type === "addTag") return `tag${this.tag(command.tag)}`;
    const { type, content } = command;
    const stored = content.kind === "value" ? `${content.version}.${this.tag(content.tag)}` : content.kind;
    return `${type}${stored}${type === "cas" ? this.token(command.token) : ""}`;
  }

  /** Whose a stub is, and whose stubs and fills are under way, matters only where a lease is known by its id. */
  #ownership(reader: number): string {
    if (this.#protocol.fill !== "setIfOwnLease") return "";
    const { items, late } = this.#world;
    const owned = items.map((item) => (item?.kind === "stub" && item.owner === reader ? "h" : ""));
    const sent = late.map((command) => {
      if (command.type === "setIfOwnLease") return command.owner === reader ? "s" : "";
      return command.type === "add" && command.content.kind === "stub" && command.content.owner === reader
        ? "a"
        : "";
    });
    return [...owned, ...sent].join("");
  }
}
