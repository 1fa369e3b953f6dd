import { createHash } from "node:crypto";
import { FreshetError } from "./errors.ts";

/** A key as memcached stores it: at most 250 bytes, no white space, no control characters. */
export type CacheKey = string & { readonly __brand: "CacheKey" };

/** What a key parameter may be: a well-formed string or a safe integer. */
export type KeyParam = string | number;

/** memcached's limit on a key, in bytes. */
export const maxKeyBytes = 250;

/** What one rendered parameter can take at the most, in bytes. */
export const maxParamBytes = 64;

// Printable ASCII without ':' that does not begin with '~': most ids, decided without looking at bytes.
const plainAscii = /^[!-9;-}][!-9;-~]{0,63}$/;
const loneSurrogate = /\p{Surrogate}/u;
const reservedCharacter = /[\u0000-\u0020\u007f:]/;

/** Whether a text is well-formed Unicode: one with a lone surrogate has no UTF-8, hence no key. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

/**
 * Renders one parameter: as it stands if it is 1–64 bytes of UTF-8, does not begin with `~` and holds no byte
 * ≤ 0x20, 0x7F or `:`; otherwise `~` and the first 32 hex digits of its SHA-256. No normalisation.
 * @throws FreshetError KEY_PARAM_INVALID
 */
export function encodeKeyParam(value: KeyParam): string {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return String(value);
    throw new FreshetError("KEY_PARAM_INVALID", `a key parameter is ${String(value)}, not a safe integer`);
  }
  if (plainAscii.test(value)) return value;
  if (!isWellFormed(value))
    throw new FreshetError(
      "KEY_PARAM_INVALID",
      "a key parameter is not well-formed Unicode (lone surrogate)",
    );
  const byteLength = Buffer.byteLength(value);
  const standsAsItIs =
    byteLength > 0 && byteLength <= maxParamBytes && !value.startsWith("~") && !reservedCharacter.test(value);
  return standsAsItIs ? value : `~${createHash("sha256").update(value).digest("hex").slice(0, 32)}`;
}
