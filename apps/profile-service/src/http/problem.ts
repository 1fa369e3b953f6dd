import { type FieldProblem, Problem } from "@freshet/http";

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
