import { GroupWatch } from "@freshet/kafka";
import { type Health, type HealthReport, type Metrics } from "@freshet/observability";
import { Controller, Get, Header, Inject, Res } from "@nestjs/common";
import { ManifestReload } from "../manifests/reload.ts";
import { PoolPipelines } from "../pools.ts";
import { type Status, statusOf } from "./status.ts";

/** The part of a reply that this needs. */
interface Reply {
  status(code: number): unknown;
}

/** Injection tokens of what is no class. */
export const HEALTH = Symbol("health");
export const METRICS = Symbol("metrics");

/** The read-only port: what operators and probes ask. */
@Controller()
export class OperatorController {
  readonly #pools: PoolPipelines;
  readonly #metrics: Metrics;
  readonly #health: Health;
  readonly #reload: ManifestReload;
  readonly #groups: GroupWatch;

  constructor(
    @Inject(PoolPipelines) pools: PoolPipelines,
    @Inject(METRICS) metrics: Metrics,
    @Inject(HEALTH) health: Health,
    @Inject(ManifestReload) reload: ManifestReload,
    @Inject(GroupWatch) groups: GroupWatch,
  ) {
    this.#pools = pools;
    this.#metrics = metrics;
    this.#health = health;
    this.#reload = reload;
    this.#groups = groups;
  }

  @Get("status")
  status(): Status {
    return statusOf(this.#pools, this.#groups, this.#reload);
  }

  @Get("metrics")
  @Header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  metrics(): Promise<string> {
    return this.#metrics.registry.metrics();
  }

  @Get("health/live")
  async live(@Res({ passthrough: true }) reply: Reply): Promise<HealthReport> {
    return answer(reply, await this.#health.live.run());
  }

  @Get("health/ready")
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<HealthReport> {
    return answer(reply, await this.#health.ready.run());
  }
}

function answer(reply: Reply, report: HealthReport): HealthReport {
  reply.status(report.status === "ok" ? 200 : 503);
  return report;
}
