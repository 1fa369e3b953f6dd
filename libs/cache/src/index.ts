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
export { CachePool, type PoolNodeLists } from "./pool.ts";
export { type CacheNode, parseNodeList, parseNodeLists } from "./topology/node-list.ts";
export { createTopology, type NodeOf, type Topology } from "./topology/topology.ts";
