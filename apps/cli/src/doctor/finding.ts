import { failureOf } from "../failure.ts";

/** `warning`: it works, and will surprise somebody. `problem`: it does not, or will lose invalidations. */
export type Level = "ok" | "warning" | "problem";

/** What one check says of one thing, and what to do about it. */
export interface Finding {
  readonly check: string;
  /** A topic, a node, an address; "" where there is one of the kind. */
  readonly of: string;
  readonly level: Level;
  readonly says: string;
  /** null where nothing is to be mended. */
  readonly mend: string | null;
}

export function ok(check: string, of: string, says: string): Finding {
  return { check, of, level: "ok", says, mend: null };
}

export function warning(check: string, of: string, says: string, mend: string): Finding {
  return { check, of, level: "warning", says, mend };
}

export function problem(check: string, of: string, says: string, mend: string): Finding {
  return { check, of, level: "problem", says, mend };
}

/** The findings, or that all is well where there is none. */
export function orOk(found: readonly Finding[], well: Finding): readonly Finding[] {
  return found.length === 0 ? [well] : found;
}

/** What a check finds; one that fails is a problem of its own and hides no other. Never rejects. */
export async function checked(
  check: string,
  of: string,
  work: () => Promise<readonly Finding[]> | readonly Finding[],
): Promise<readonly Finding[]> {
  try {
    return await work();
  } catch (error) {
    const { message, remedy } = failureOf(error);
    return [problem(check, of, message.replaceAll("\n", " "), remedy)];
  }
}
