export { BulkInvalidator, type NodeAnswer } from "./bulk-invalidate.ts";
export {
  type CasAnswer,
  type CasToken,
  type CreateDriver,
  type DriverOptions,
  type MemcachedDriver,
  type StoredValue,
} from "./drivers/driver.ts";
export { MemjsDriver } from "./drivers/memjs.ts";
export { MetaDriver } from "./drivers/meta.ts";
export { type CacheEvent, type FillOutcome, type MissReason } from "./events.ts";
export { CachePool, type PoolNodeLists, topologiesOf } from "./pool.ts";
export { RateLimit } from "./rate-limit.ts";
export { type ReadResult } from "./read-steps.ts";
export {
  type ReadManyOptions,
  type ReadOptions,
  ReadThroughCache,
  type ReadThroughCacheOptions,
} from "./read-through-cache.ts";
export {
  refresh,
  refreshedValue,
  type RefreshedValue,
  type RefreshItem,
  type RefreshOptions,
  type RefreshOutcome,
  type RefreshRefusal,
  type RefreshResult,
} from "./refresh.ts";
export { type CacheNode, parseNodeList, parseNodeLists } from "./topology/node-list.ts";
export { createTopology, type NodeOf, type Topology } from "./topology/topology.ts";
export { type ReadStep, type RefreshStep } from "./steps.ts";
export { type EntityVersion, type Loaded, versioned } from "./versioned.ts";
