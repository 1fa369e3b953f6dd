import { createHash, timingSafeEqual } from "node:crypto";

/** A secret that callers show as `Authorization: Bearer <token>`, compared in constant time. */
export class BearerToken {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = digest(token);
  }

  /** Whether this header shows the token. */
  isShownBy(authorization: string | undefined): boolean {
    const [, given = ""] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    return timingSafeEqual(this.#digest, digest(given));
  }
}

/** Equal lengths for the comparison, whose time then says nothing about the token. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
