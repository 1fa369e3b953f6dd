/**
 * Every error code of Freshet, each with what to do next. Closed: a code is added here or it does not exist.
 * Documents and `freshet` print these lines, so they are written for the person who meets the error.
 */
export const errorCodes = {
  KEY_PARAM_INVALID: "Pass a well-formed string or a safe integer for every parameter of the key template.",
  TEMPLATE_INVALID:
    "Write the key as segments joined by ':', each a literal or exactly one {param}, the first a literal other than 't'.",
  CONTRACT_INVALID:
    "Correct the named field of the event or view definition; docs/architecture.md lists the rules.",
  MANIFEST_INVALID: "Correct the named path of the manifest; the set that was loaded before stays in force.",
  EVENT_INVALID: "Correct the named field of the event before it is published.",
} as const satisfies Record<string, string>;

/** One of the closed list of codes. */
export type ErrorCode = keyof typeof errorCodes;

/** An error with a stable code; `details` holds plain data for logs, never personal data. */
export class FreshetError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FreshetError";
    this.code = code;
    this.details = options.details ?? {};
  }

  /** What the person who meets this error should do next. */
  get remedy(): string {
    return errorCodes[this.code];
  }
}
