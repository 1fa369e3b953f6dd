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
  /** Members of its own. */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    title: string,
    detail: string,
    errors: readonly FieldProblem[] = [],
    extensions: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.errors = errors;
    this.extensions = extensions;
  }
}

/** The media type of problem details. @see https://www.rfc-editor.org/rfc/rfc9457 */
export const problemType = "application/problem+json; charset=utf-8";

export function problemBody({ status, title, message, errors, extensions }: Problem): string {
  return JSON.stringify({
    title,
    status,
    detail: message,
    ...(errors.length > 0 ? { errors } : {}),
    ...extensions,
  });
}

/** What is needed of Fastify's reply. */
export interface Reply {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

export function sendProblem(reply: Reply, problem: Problem): void {
  reply.status(problem.status);
  reply.header("content-type", problemType);
  reply.send(problemBody(problem));
}

/** One part of a request is wrong: a field, a parameter, a header, the path or the method; what it must be. */
export function wrongPart(status: number, title: string, field: string, remedy: string): Problem {
  return new Problem(status, title, `${field} ${remedy}`, [{ field, remedy }]);
}

/** A request that is not handed on; what has to be different about which part of it. */
export function unreadable(status: number, field: string, remedy: string): Problem {
  return wrongPart(status, "The request cannot be read", field, remedy);
}
