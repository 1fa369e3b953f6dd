import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";
import { FreshetError } from "@freshet/contracts";
import { type Logger } from "@freshet/observability";
import { Problem, problemBody, problemType } from "./problem.ts";

/** What is needed of Fastify's reply. */
interface Reply {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** Answers every failure as problem details; only what is our own fault is logged, and never shown. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = problemOf(error);
    if (problem.status >= 500) this.#logger.error({ err: error }, "a request failed");
    const reply = host.switchToHttp().getResponse<Reply>();
    reply.status(problem.status);
    reply.header("content-type", problemType);
    reply.send(problemBody(problem));
  }
}

/** The problem that an error is, whoever threw it: we, Nest's router, or Fastify's body parser. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof FreshetError && error.code === "OUTBOX_EVENT_TOO_LARGE")
    return new Problem(422, "The change is too large", `${error.message}: ${error.remedy}`);
  if (error instanceof HttpException)
    return new Problem(error.getStatus(), "The request failed", error.message);
  if (error instanceof Error && "statusCode" in error && isClientError(error.statusCode))
    return new Problem(error.statusCode, "The request cannot be read", error.message);
  if (isUnavailable(error) || (error instanceof FreshetError && error.code === "LOAD_OVERLOADED"))
    return new Problem(503, "Try again", "the database did not serve the request in time: send it again");
  return new Problem(500, "Internal error", "the service failed; its log says why");
}

// Connection failures of Node, PostgreSQL's classes 08 (connection), 53 (resources), 57P (shutdown), a lock time-out.
const unavailableCode = /^(ECONN|ETIMEDOUT|EPIPE|08|53|57P|55P03)/;
// pg's own time-outs and lost connections bear no code.
const unavailableMessage =
  /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated|Cannot use a pool after)/;

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const coded = "code" in error && typeof error.code === "string" && unavailableCode.test(error.code);
  return coded || unavailableMessage.test(error.message) || isUnavailable(error.cause);
}

function isClientError(status: unknown): status is number {
  return typeof status === "number" && status >= 400 && status < 500;
}
