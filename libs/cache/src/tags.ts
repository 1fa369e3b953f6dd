import { randomBytes } from "node:crypto";
import { type CacheKey, renderTagKey, type TagTokens, type ViewDefinition } from "@freshet/contracts";
import type { MemcachedDriver } from "./drivers/driver.ts";
import type { CachePool } from "./pool.ts";
import type { Loaded } from "./versioned.ts";

/** Runs a command to one node; undefined when it fails. */
export type Attempt = <Answer>(
  driver: MemcachedDriver,
  command: () => Promise<Answer>,
) => Promise<Answer | undefined>;

/** Anything else under a tag key, a counter for example, may come back after it was deleted. */
const token = /^[0-9a-f]{16}$/;

/** The keys of the tags that are known before the load: constants, or named by the key's own parameters. */
export function knownTagKeys(
  view: ViewDefinition,
  params: Readonly<Record<string, string | number>>,
): readonly CacheKey[] {
  return view.tags.filter(({ members }) => !members).map(({ tag }) => renderTagKey(tag, params));
}

/**
 * The keys of the tags that only the load reveals, each once.
 * @throws FreshetError KEY_PARAM_INVALID when a member lacks a parameter of a member tag
 */
export function memberTagKeys(
  view: ViewDefinition,
  { members = [] }: Loaded<unknown>,
): ReadonlySet<CacheKey> {
  const tags = view.tags.filter((tag) => tag.members);
  return new Set(tags.flatMap(({ tag }) => members.map((member) => renderTagKey(tag, member))));
}

/** Whether every tag is there and equal; undefined when a node did not answer. */
export async function tagsHold(
  pool: CachePool,
  tags: TagTokens,
  attempt: Attempt,
): Promise<boolean | undefined> {
  const standing = await standingTokens(pool, Object.keys(tags), attempt);
  return standing && Object.entries(tags).every(([key, expected]) => standing.get(key) === expected);
}

/**
 * Before the load: the tokens of these tags, new ones for those that are absent. Undefined: do not cache. A token
 * whose add was not answered is never sent again, since that add may be executed after a deletion of the tag.
 */
export async function captureTags(
  pool: CachePool,
  keys: Iterable<string>,
  ttlSeconds: number,
  attempt: Attempt,
): Promise<TagTokens | undefined> {
  const wanted = [...new Set(keys)];
  const standing = await standingTokens(pool, wanted, attempt);
  if (!standing) return undefined;
  const tokens = await Promise.all(
    wanted.map(async (key) => {
      const driver = pool.driver(pool.readerNodeOf(key));
      return standing.get(key) ?? (await attempt(driver, () => addToken(driver, key, ttlSeconds)));
    }),
  );
  const captured: Record<string, string> = {};
  for (const [index, key] of wanted.entries()) {
    const one = tokens[index];
    if (one === undefined || !token.test(one)) return undefined;
    captured[key] = one;
  }
  return captured;
}

/** One round trip per node; the tags that are there. Undefined when a node did not answer. */
async function standingTokens(
  pool: CachePool,
  keys: readonly string[],
  attempt: Attempt,
): Promise<ReadonlyMap<string, string> | undefined> {
  const byNode = new Map<string, string[]>();
  for (const key of keys) {
    const node = pool.readerNodeOf(key);
    const own = byNode.get(node);
    if (own) own.push(key);
    else byNode.set(node, [key]);
  }
  const answers = await Promise.all(
    [...byNode].map(([node, own]) => {
      const driver = pool.driver(node);
      return attempt(driver, () => driver.getMany(own));
    }),
  );
  const tokens = new Map<string, string>();
  for (const answer of answers) {
    if (!answer) return undefined;
    for (const [key, { value }] of answer) tokens.set(key, value.toString("latin1"));
  }
  return tokens;
}

/** A new token; or that of another reader who came first. */
async function addToken(
  driver: MemcachedDriver,
  key: string,
  ttlSeconds: number,
): Promise<string | undefined> {
  const fresh = randomBytes(8).toString("hex");
  const added = await driver.add(key, Buffer.from(fresh), ttlSeconds);
  return added.stored ? fresh : (await driver.get(key))?.value.toString("latin1");
}
