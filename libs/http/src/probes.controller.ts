import { type Health, type HealthChecks, type Metrics } from "@freshet/observability";
import { Controller, Get, Header, Inject, Res } from "@nestjs/common";

export const HEALTH = Symbol("health");
export const METRICS = Symbol("metrics");

interface Reply {
  status(code: number): unknown;
}

/** What operators and probes ask. */
@Controller()
export class ProbesController {
  readonly #health: Health;
  readonly #metrics: Metrics;

  constructor(@Inject(HEALTH) health: Health, @Inject(METRICS) metrics: Metrics) {
    this.#health = health;
    this.#metrics = metrics;
  }

  @Get("metrics")
  @Header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  async metrics(): Promise<string> {
    return await this.#metrics.registry.metrics();
  }

  @Get("health/live")
  async live(@Res({ passthrough: true }) reply: Reply): Promise<unknown> {
    return await report(this.#health.live, reply);
  }

  @Get("health/ready")
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<unknown> {
    return await report(this.#health.ready, reply);
  }
}

async function report(checks: HealthChecks, reply: Reply): Promise<unknown> {
  const result = await checks.run();
  reply.status(result.status === "ok" ? 200 : 503);
  return result;
}
