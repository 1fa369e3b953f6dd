import { type CacheKey, encodeKeyParam, type KeyParam, maxKeyBytes, maxParamBytes } from "./cache-key.ts";
import { FreshetError } from "./errors.ts";

/** One part of a key between two colons. */
type Segment = { readonly literal: string } | { readonly param: string };

/** A parsed key template; `params` in order of appearance, each once. */
export interface KeyTemplate {
  readonly source: string;
  readonly segments: readonly Segment[];
  readonly params: readonly string[];
}

/** The names of the parameters of a template, as a union of string literals. */
export type TemplateParams<Source extends string> = Source extends `${string}{${infer Param}}${infer Rest}`
  ? Param | TemplateParams<Rest>
  : never;

// The key of a tag is `t:` + the tag's name.
const tagPrefix = "t:";
const paramSegment = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const literalSegment = /^[^\u0000-\u0020\u007f:{}\p{Surrogate}]+$/u;

/**
 * Parses a view's key template, e.g. `user_profile:{profileId}`.
 * @throws FreshetError TEMPLATE_INVALID
 */
export function parseKeyTemplate(source: string): KeyTemplate {
  const template = parse(source, maxKeyBytes);
  const [first] = template.segments;
  if (!first || "param" in first || first.literal === "t")
    throw invalid(source, "its first segment must be a literal other than 't' (which marks tag keys)");
  return template;
}

/**
 * Parses a tag's name, e.g. `search:team:{teamId}`.
 * @throws FreshetError TEMPLATE_INVALID
 */
export function parseTagTemplate(source: string): KeyTemplate {
  return parse(source, maxKeyBytes - tagPrefix.length);
}

/**
 * Renders a key from parameters in order of the template's `params`-bearing segments.
 * @throws FreshetError KEY_PARAM_INVALID when a parameter is missing or cannot be part of a key
 */
export function renderKey(template: KeyTemplate, params: Readonly<Record<string, KeyParam>>): CacheKey {
  let key = "";
  for (const segment of template.segments) {
    if (key !== "") key += ":";
    key += "literal" in segment ? segment.literal : encodeKeyParam(param(template, params, segment.param));
  }
  return key as CacheKey;
}

/**
 * Renders the key of a tag: `t:` + its name.
 * @throws FreshetError KEY_PARAM_INVALID
 */
export function renderTagKey(template: KeyTemplate, params: Readonly<Record<string, KeyParam>>): CacheKey {
  return (tagPrefix + renderKey(template, params)) as CacheKey;
}

/** Whether some key could be rendered from both: equally many segments, equal wherever both are literal. */
export function templatesOverlap(a: KeyTemplate, b: KeyTemplate): boolean {
  return (
    a.segments.length === b.segments.length &&
    a.segments.every((segment, index) => {
      const other = b.segments[index];
      return !other || !("literal" in segment) || !("literal" in other) || segment.literal === other.literal;
    })
  );
}

function parse(source: string, limitBytes: number): KeyTemplate {
  const segments = source.split(":").map((text): Segment => {
    const name = paramSegment.exec(text)?.[1];
    if (name !== undefined) return { param: name };
    if (literalSegment.test(text)) return { literal: text };
    throw invalid(source, `segment ${JSON.stringify(text)} is neither a literal nor exactly one {param}`);
  });
  const params = segments.flatMap((segment) => ("param" in segment ? [segment.param] : []));
  const longest = segments.reduce(
    (bytes, segment) => bytes + ("param" in segment ? maxParamBytes : Buffer.byteLength(segment.literal)),
    segments.length - 1,
  );
  if (longest > limitBytes)
    throw invalid(
      source,
      `its keys can reach ${longest} bytes, more than the ${limitBytes} that are allowed`,
    );
  return { source, segments, params: [...new Set(params)] };
}

function param(
  template: KeyTemplate,
  params: Readonly<Record<string, KeyParam | undefined>>,
  name: string,
): KeyParam {
  const value = Object.hasOwn(params, name) ? params[name] : undefined;
  if (value === undefined)
    throw new FreshetError("KEY_PARAM_INVALID", `the key ${template.source} needs the parameter ${name}`);
  return value;
}

function invalid(source: string, why: string): FreshetError {
  return new FreshetError("TEMPLATE_INVALID", `key template ${JSON.stringify(source)}: ${why}`);
}
