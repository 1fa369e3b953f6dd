export { BatchHistogram } from "./batch-histogram.ts";
export { BearerToken } from "./bearer.ts";
export {
  createHealth,
  type Check,
  type CheckResult,
  type Health,
  HealthChecks,
  type HealthReport,
} from "./health.ts";
export { keepHeapSmall } from "./heap.ts";
export { createLogger, type Logger, type LogLevel, logLevels } from "./logger.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { type Stoppable, endOnFailure, stopOnSignal } from "./stop-on-signal.ts";
