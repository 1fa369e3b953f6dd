import { createHash, timingSafeEqual } from "node:crypto";
import { ConfigError } from "@freshet/config";

/** What the bearer of a token may publish: by source, the event types, or all of them. */
export type Grants = ReadonlyMap<string, ReadonlySet<string> | "*">;

/** A token, of which only a digest is kept, and what it allows. */
interface Token {
  readonly digest: Buffer;
  readonly grants: Map<string, ReadonlySet<string> | "*">;
}

const minTokenLength = 16;

/**
 * Reads INGRESS_TOKENS: `<token> <source> <type>[,<type>…]` or `<token> <source> *`, an entry a line or between `;`.
 * A token that comes twice may publish for both sources.
 * @throws ConfigError naming the entry by its number, never by its token
 */
export function parseTokens(text: string): Tokens {
  const tokens: Token[] = [];
  const problems: string[] = [];
  const entries = text.split(/[\n;]/).map((line) => line.trim());
  for (const [index, entry] of entries.entries()) {
    if (entry === "" || entry.startsWith("#")) continue;
    const [token = "", source, types, ...more] = entry.split(/\s+/);
    const wrong = (what: string) => problems.push(`INGRESS_TOKENS: entry ${index + 1} ${what}`);
    if (source === undefined || types === undefined || more.length > 0)
      wrong("must be `<token> <source> <type>[,<type>…]`, or * for all types");
    else if (!/^[!-~]+$/.test(token) || token.length < minTokenLength)
      wrong(`has a token of fewer than ${minTokenLength} characters, or not of printable ASCII`);
    else {
      const digest = digestOf(token);
      const known = tokens.find((one) => one.digest.equals(digest));
      const { grants } = known ?? { grants: new Map() };
      if (grants.has(source)) wrong(`names ${source} again for the same token: join their types by commas`);
      grants.set(source, types === "*" ? "*" : new Set(types.split(",")));
      if (!known) tokens.push({ digest, grants });
    }
  }
  if (problems.length === 0 && tokens.length === 0) problems.push("INGRESS_TOKENS: holds no token");
  if (problems.length > 0) throw new ConfigError(problems);
  return new Tokens(tokens);
}

/** The tokens of INGRESS_TOKENS. */
export class Tokens {
  readonly #tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** What the header `Authorization: Bearer <token>` allows; undefined: no such token. Its time says nothing. */
  find(authorization: string | undefined): Grants | undefined {
    const [, given = ""] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    const digest = digestOf(given);
    let found: Grants | undefined;
    for (const token of this.#tokens) if (timingSafeEqual(token.digest, digest)) found = token.grants;
    return found;
  }

  /** Types that are named and not `known`. */
  unknownTypes(known: ReadonlySet<string>): string[] {
    const named = this.#tokens.flatMap(({ grants }) =>
      [...grants.values()].flatMap((types) => (types === "*" ? [] : [...types])),
    );
    return [...new Set(named)].filter((type) => !known.has(type));
  }
}

/** Equal lengths for the comparison, whose time then says nothing about the token. */
function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
