import { Problem, type Reply, sendProblem, unreadable, wrongPart } from "@freshet/http";
import { type Logger } from "@freshet/observability";
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";
import { contentTypes } from "./read-request.ts";

/** Answers every failure as problem details; what is not the caller's fault is logged with its cause. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;
  readonly #maxBodyBytes: number;

  constructor(logger: Logger, maxBodyBytes: number) {
    this.#logger = logger;
    this.#maxBodyBytes = maxBodyBytes;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = this.#problemOf(error);
    if (problem.status >= 500) this.#logger.error({ err: problem.cause ?? error }, "a request failed");
    const reply = host.switchToHttp().getResponse<Reply>();
    const { retryAfterSeconds } = problem.extensions;
    if (typeof retryAfterSeconds === "number") reply.header("retry-after", String(retryAfterSeconds));
    if (problem.status === 401) reply.header("www-authenticate", "Bearer");
    sendProblem(reply, problem);
  }

  /** The problem that an error is, whoever threw it: we, Nest's router, or Fastify's body parser. */
  #problemOf(error: unknown): Problem {
    if (error instanceof Problem) return error;
    if (!(error instanceof HttpException))
      return new Problem(500, "Internal error", "the ingress failed; its log says why");
    const status = error.getStatus();
    if (status === 413)
      return unreadable(
        status,
        "body",
        `has more than ${this.#maxBodyBytes} bytes: send fewer events at once`,
      );
    if (status === 415) return unreadable(status, "Content-Type", `must be ${contentTypes.join(" or ")}`);
    if (status === 404)
      return wrongPart(
        status,
        "Not found",
        "path",
        `must be /events (${error.message}): events go to POST /events`,
      );
    return new Problem(status, "The request failed", error.message);
  }
}
