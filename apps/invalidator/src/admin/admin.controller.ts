import { BearerToken } from "@freshet/observability";
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  HttpCode,
  Inject,
  Injectable,
  Param,
  Post,
  UseGuards,
} from "@nestjs/common";
import { z } from "zod";
import type { PoolPipeline } from "../pool-pipeline.ts";
import { AdminActions } from "./actions.ts";
import { refusal } from "./problem.filter.ts";

const settleBody = z.strictObject({ before: z.iso.datetime({ offset: true }) });

/** Lets in who shows ADMIN_TOKEN. */
@Injectable()
export class AdminGuard implements CanActivate {
  readonly #token: BearerToken;

  constructor(@Inject(BearerToken) token: BearerToken) {
    this.#token = token;
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>();
    if (this.#token.isShownBy(request.headers.authorization)) return true;
    throw refusal(401, "Unauthorized", "send the header Authorization: Bearer with ADMIN_TOKEN", {
      field: "Authorization",
    });
  }
}

/** The admin port: what changes how a pool is served, on every replica of the deployment. */
@Controller("pools/:pool")
@UseGuards(AdminGuard)
export class AdminController {
  readonly #actions: AdminActions;

  constructor(@Inject(AdminActions) actions: AdminActions) {
    this.#actions = actions;
  }

  @Post("pause")
  @HttpCode(200)
  async pause(@Param("pool") name: string) {
    const sinceMs = await this.#actions.pause(this.#pool(name));
    return { pool: name, paused: true, since: new Date(sinceMs).toISOString() };
  }

  @Post("resume")
  @HttpCode(200)
  async resume(@Param("pool") name: string) {
    const pausedMs = await this.#actions.resume(this.#pool(name));
    return { pool: name, paused: false, pausedSeconds: pausedMs / 1_000 };
  }

  @Post("settle")
  @HttpCode(200)
  async settle(@Param("pool") name: string, @Body() body: unknown) {
    const pool = this.#pool(name);
    const parsed = settleBody.safeParse(body);
    if (!parsed.success)
      throw refusal(
        400,
        "The request is not valid",
        'before must be a time: {"before":"2026-11-22T20:00:00Z"}',
        { field: "before" },
      );
    const beforeMs = Math.min(Date.parse(parsed.data.before), Date.now());
    await this.#actions.settle(pool, beforeMs);
    return { pool: name, settledBefore: new Date(beforeMs).toISOString() };
  }

  @Post("flush")
  @HttpCode(200)
  async flush(@Param("pool") name: string) {
    const pool = this.#pool(name);
    if (!pool.settings.dedicated)
      throw refusal(
        409,
        "The pool is not dedicated",
        `pool ${name} may hold values of others: say dedicated: true in pools.yaml, or use freshet repair`,
        { field: "pool" },
      );
    return { pool: name, flushed: await this.#actions.flush(pool) };
  }

  #pool(name: string): PoolPipeline {
    const pool = this.#actions.pool(name);
    if (pool) return pool;
    const served = this.#actions.poolNames.join(", ") || "none";
    throw refusal(404, "Not found", `this replica serves no pool of that name, but ${served}`, {
      field: "pool",
      code: "POOL_UNKNOWN",
    });
  }
}
