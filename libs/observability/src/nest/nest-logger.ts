import type { LoggerService } from "@nestjs/common";
import type { Logger } from "pino";

/** Nest's own log lines through the app's logger; its start-up chatter is debug. */
export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger.child({ component: "nest" });
  }

  log(message: unknown): void {
    this.#logger.debug(text(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    const stack = rest.find((each): each is string => typeof each === "string" && each.includes("\n"));
    this.#logger.error(stack === undefined ? {} : { stack }, text(message));
  }

  warn(message: unknown): void {
    this.#logger.warn(text(message));
  }

  debug(message: unknown): void {
    this.#logger.debug(text(message));
  }

  verbose(message: unknown): void {
    this.#logger.trace(text(message));
  }
}

function text(message: unknown): string {
  if (message instanceof Error) return message.message;
  return typeof message === "string" ? message : JSON.stringify(message);
}
