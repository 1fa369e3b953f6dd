import { BearerToken } from "@freshet/observability";
import { type CanActivate, type ExecutionContext, Inject, Injectable } from "@nestjs/common";
import { unauthorized } from "./problem.ts";

/** What is needed of Fastify's request and reply. */
interface Request {
  readonly headers: { readonly authorization?: string };
}
interface Reply {
  header(name: string, value: string): unknown;
}

/** The injection token of INTERNAL_TOKEN; null: none is demanded. */
export const INTERNAL_TOKEN = Symbol("internal token");

/** Lets in who bears the token; everybody, when there is none. */
@Injectable()
export class BearerGuard implements CanActivate {
  readonly #token: BearerToken | null;

  constructor(@Inject(INTERNAL_TOKEN) token: string | null) {
    this.#token = token === null ? null : new BearerToken(token);
  }

  /** @throws Problem 401 */
  canActivate(context: ExecutionContext): boolean {
    if (!this.#token) return true;
    const http = context.switchToHttp();
    if (this.#token.isShownBy(http.getRequest<Request>().headers.authorization)) return true;
    http.getResponse<Reply>().header("www-authenticate", "Bearer");
    throw unauthorized();
  }
}
