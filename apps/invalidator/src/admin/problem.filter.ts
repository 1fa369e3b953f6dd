import { FreshetError } from "@freshet/contracts";
import type { Logger } from "@freshet/observability";
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";

interface Reply {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** A refusal as problem details: `field` is the part of the request that is wrong, `code` one of ours. */
export function refusal(
  status: number,
  title: string,
  detail: string,
  { field, code }: { readonly field?: string; readonly code?: string } = {},
): HttpException {
  return new HttpException(
    {
      title,
      status,
      detail,
      ...(field === undefined ? {} : { errors: [{ field, remedy: detail }] }),
      ...(code === undefined ? {} : { code }),
    },
    status,
  );
}

/** Answers every failure of the admin port as problem details (RFC 9457). */
@Catch()
export class AdminProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<Reply>();
    const problem = this.#problemOf(error);
    reply.status(problem.getStatus());
    reply.header("content-type", "application/problem+json; charset=utf-8");
    if (problem.getStatus() === 401) reply.header("www-authenticate", "Bearer");
    reply.send(JSON.stringify(problem.getResponse()));
  }

  #problemOf(error: unknown): HttpException {
    if (error instanceof HttpException) {
      const response = error.getResponse();
      const isOurs = typeof response === "object" && "detail" in response;
      return isOurs ? error : ofFramework(error);
    }
    if (error instanceof FreshetError)
      return refusal(503, "Not done", `${error.message}: ${error.remedy}`, { code: error.code });
    this.#logger.error({ error: String(error) }, "a request of the admin port failed");
    return refusal(500, "Internal error", "the invalidator failed; its log says why");
  }
}

/** What Nest's router or Fastify's body parser refuses. */
function ofFramework(error: HttpException): HttpException {
  const status = error.getStatus();
  if (status === 404) {
    const detail = `${error.message}: there are POST /pools/<pool>/pause, resume, settle and flush`;
    return refusal(status, "Not found", detail, { field: "path" });
  }
  return refusal(status, "The request cannot be read", error.message, { field: "body" });
}
