import { type FieldProblem, Problem, wrongPart } from "@freshet/http";

export function invalidRequest(errors: readonly FieldProblem[]): Problem {
  const detail = errors.map(({ field, remedy }) => `${field} ${remedy}`).join("; ");
  return new Problem(400, "The request is not valid", detail, errors);
}

export function idempotencyKeyReused(): Problem {
  const remedy = "was used for another request: send a new key with a new request";
  return wrongPart(422, "Idempotency key reused", "Idempotency-Key", remedy);
}

export function tooManyRequests(requestsPerMinute: number, seconds: number): Problem {
  return new Problem(
    429,
    "Too many requests",
    `an address may send ${requestsPerMinute} requests a minute: send it again in ${seconds} s`,
  );
}

/** Which ids and handles there are. */
export const ofAProfile = "must be that of a profile: GET /profiles lists them";

/** `remedy`: which values the parameter may have. */
export function notFound(what: string, field: string, remedy: string): Problem {
  return new Problem(404, "Not found", `${what} does not exist: ${field} ${remedy}`, [{ field, remedy }]);
}

export function unauthorized(): Problem {
  return wrongPart(401, "Unauthorized", "Authorization", "must be Bearer with INTERNAL_TOKEN");
}

export function conflict(field: string, remedy: string): Problem {
  return wrongPart(409, "Conflict", field, remedy);
}

export function preconditionFailed(version: number): Problem {
  const remedy = `must be the current version, "${version}": read the profile again, then send that`;
  return wrongPart(412, "Precondition failed", "If-Match", remedy);
}
