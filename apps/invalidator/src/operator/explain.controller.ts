import { FreshetError } from "@freshet/contracts";
import type { Explanation } from "@freshet/inspect";
import { Controller, Get, HttpException, Inject, Query } from "@nestjs/common";
import { z } from "zod";
import { Explainer } from "./explainer.ts";

const question = z.strictObject({
  key: z.string().min(1).max(250),
  pool: z.string().min(1).max(64).optional(),
});

/** `GET /explain?key=user_profile:42`: why a reader gets what it gets. Tells versions, never the data of a value. */
@Controller("explain")
export class ExplainController {
  readonly #explainer: Explainer;

  constructor(@Inject(Explainer) explainer: Explainer) {
    this.#explainer = explainer;
  }

  @Get()
  async explain(@Query() query: unknown): Promise<Explanation> {
    const asked = question.safeParse(query);
    if (!asked.success) throw refusal(400, "ask /explain?key=<key> or /explain?key=<key>&pool=<pool>");
    try {
      const answer = await this.#explainer.explain(asked.data.key, asked.data.pool);
      if (answer === undefined) throw refusal(429, "others ask just now: ask again in a second");
      return answer;
    } catch (error) {
      if (!(error instanceof FreshetError)) throw error;
      throw refusal(error.code === "KAFKA_UNREACHABLE" ? 503 : 404, error.message, error.code);
    }
  }
}

function refusal(status: number, message: string, code?: string): HttpException {
  return new HttpException({ status, message, ...(code === undefined ? {} : { code }) }, status);
}
