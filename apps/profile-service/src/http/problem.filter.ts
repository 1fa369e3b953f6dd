import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";
import { FreshetError } from "@freshet/contracts";
import { Problem, type Reply, sendProblem, unreadable, wrongPart } from "@freshet/http";
import { type Logger } from "@freshet/observability";
import { type LogContext, loggable } from "./loggable.ts";

/** Answers every failure as problem details; only what is our own fault is logged, and never shown. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = problemOf(error);
    const http = host.switchToHttp();
    if (problem.status >= 500)
      this.#logger.error(loggable(error, http.getRequest<LogContext>()), "a request failed");
    sendProblem(http.getResponse<Reply>(), problem);
  }
}

/** The problem that an error is, whoever threw it: we, Nest's router, or Fastify's body parser. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof FreshetError && error.code === "OUTBOX_EVENT_TOO_LARGE")
    return wrongPart(
      422,
      "The change is too large",
      "body",
      `is too large (${error.message}): ${error.remedy}`,
    );
  if (error instanceof HttpException) return httpProblem(error);
  if (isUnavailable(error) || (error instanceof FreshetError && error.code === "LOAD_OVERLOADED"))
    return new Problem(503, "Try again", "the database did not serve the request in time: send it again");
  return new Problem(500, "Internal error", "the service failed; its log says why");
}

/** Nest hands on of Fastify's errors the status and the message; the code is lost. */
function httpProblem(error: HttpException): Problem {
  const status = error.getStatus();
  if (status === 413)
    return unreadable(status, "body", "has more bytes than are taken (65,536 by the API): send less");
  if (status === 415)
    return unreadable(
      status,
      "body",
      "must be application/json, or application/merge-patch+json for a patch",
    );
  if (status === 400 && error.message.includes("empty"))
    return unreadable(status, "body", "is empty: send a JSON object, or no content-type");
  if (status === 400)
    return unreadable(status, "body", "must be JSON, without __proto__ and constructor.prototype");
  if (status === 404)
    return wrongPart(
      status,
      "Not found",
      "path",
      `must be one that there is (${error.message}): /docs of the public port shows them`,
    );
  return new Problem(status, "The request failed", error.message);
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
