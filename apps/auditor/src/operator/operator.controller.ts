import type { Health, HealthReport, Metrics } from "@freshet/observability";
import { Controller, Get, Header, Inject, Res } from "@nestjs/common";
import type { AuditorStatus } from "./status.ts";

/** The part of a reply that this needs. */
interface Reply {
  status(code: number): unknown;
}

/** What the port tells. */
export interface Operator {
  readonly status: () => AuditorStatus;
  readonly metrics: Metrics;
  readonly health: Health;
}

/** Injection token. */
export const OPERATOR = Symbol("operator");

/** The auditor's one port: what operators and probes ask. */
@Controller()
export class OperatorController {
  readonly #operator: Operator;

  constructor(@Inject(OPERATOR) operator: Operator) {
    this.#operator = operator;
  }

  @Get("status")
  status(): AuditorStatus {
    return this.#operator.status();
  }

  @Get("metrics")
  @Header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  metrics(): Promise<string> {
    return this.#operator.metrics.registry.metrics();
  }

  @Get("health/live")
  async live(@Res({ passthrough: true }) reply: Reply): Promise<HealthReport> {
    return answer(reply, await this.#operator.health.live.run());
  }

  @Get("health/ready")
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<HealthReport> {
    return answer(reply, await this.#operator.health.ready.run());
  }
}

function answer(reply: Reply, report: HealthReport): HealthReport {
  reply.status(report.status === "ok" ? 200 : 503);
  return report;
}
