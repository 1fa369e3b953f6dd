export { CoalescedPlan } from "./coalesce.ts";
export { compile, type DependencyGraph, type ManifestSource } from "./compile.ts";
export { violationsOf } from "./conform.ts";
export { describeEvent, describeView, type Statement, toMermaid, toText } from "./describe.ts";
export { diff, type Difference } from "./diff.ts";
export { type Dependency, type EventNode, type ParamSource, type TagNode, type ViewNode } from "./model.ts";
export {
  type HandedOn,
  type KeySink,
  maxKeysAtOnce,
  maxKeysPerEvent,
  type Plan,
  PoolGraph,
  type Reason,
  type SlicedPlan,
  type UnlistedPlan,
} from "./pool-graph.ts";
export { type PlannedKey, type PlannedRefresh } from "./rule.ts";
export { type PublisherVerdict, verifyPublisher } from "./verify-publisher.ts";
export { VersionWatch, versionViolations } from "./version-watch.ts";
