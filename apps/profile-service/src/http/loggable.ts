/** What is needed of Fastify's request. */
export interface LogContext {
  readonly method: string;
  readonly routeOptions: { readonly url?: string };
  readonly params: unknown;
}

/**
 * A failure and what it was about, without personal data: a failed statement bears its parameters, and PostgreSQL's
 * details bear rows. Of both, the code, the message and the stack of the innermost cause are logged; of the request
 * the route, and the id of the profile or team.
 */
export function loggable(
  error: unknown,
  { method, routeOptions, params }: LogContext,
): Readonly<Record<string, unknown>> {
  return { method, route: routeOptions.url, entity: idOf(params), err: bare(innermost(error)) };
}

function idOf(params: unknown): unknown {
  if (typeof params !== "object" || params === null) return undefined;
  if ("id" in params) return params.id;
  return "teamId" in params ? params.teamId : undefined;
}

function innermost(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error;
}

function bare(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { message: typeof error };
  return {
    type: error.name,
    code: "code" in error ? error.code : undefined,
    message: error.message,
    stack: error.stack,
  };
}
