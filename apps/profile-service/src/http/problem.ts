/** One wrong part of a request: which field, and what it must be. */
export interface FieldProblem {
  readonly field: string;
  readonly remedy: string;
}

/** A request that cannot be served, answered as problem details (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldProblem[];

  constructor(status: number, title: string, detail: string, errors: readonly FieldProblem[] = []) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.errors = errors;
  }
}

/** The media type of problem details. @see https://www.rfc-editor.org/rfc/rfc9457 */
export const problemType = "application/problem+json; charset=utf-8";

export function problemBody({ status, title, message, errors }: Problem): string {
  return JSON.stringify({ title, status, detail: message, ...(errors.length > 0 ? { errors } : {}) });
}

export function invalidRequest(errors: readonly FieldProblem[]): Problem {
  const detail = errors.map(({ field, remedy }) => `${field} ${remedy}`).join("; ");
  return new Problem(400, "The request is not valid", detail, errors);
}

export function idempotencyKeyReused(): Problem {
  const [field, remedy] = [
    "Idempotency-Key",
    "was used for another request: send a new key with a new request",
  ];
  return new Problem(422, "Idempotency key reused", `${field} ${remedy}`, [{ field, remedy }]);
}

export function tooManyRequests(requestsPerMinute: number, seconds: number): Problem {
  return new Problem(
    429,
    "Too many requests",
    `an address may send ${requestsPerMinute} requests a minute: send it again in ${seconds} s`,
  );
}

/** A request that is not handed on; what has to be different about which part of it. */
export function unreadable(status: number, field: string, remedy: string): Problem {
  return new Problem(status, "The request cannot be read", `${field} ${remedy}`, [{ field, remedy }]);
}

export function notFound(what: string): Problem {
  return new Problem(404, "Not found", `${what} does not exist`);
}

export function unauthorized(): Problem {
  return new Problem(401, "Unauthorized", "send the header Authorization: Bearer with INTERNAL_TOKEN");
}

export function conflict(field: string, remedy: string): Problem {
  return new Problem(409, "Conflict", `${field} ${remedy}`, [{ field, remedy }]);
}

export function preconditionFailed(version: number): Problem {
  return new Problem(
    412,
    "Precondition failed",
    `the current version is ${version}: read the profile again, then send If-Match: "${version}"`,
  );
}
