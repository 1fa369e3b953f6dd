export { driverConformance, type DriverPromise } from "./driver-conformance.ts";
export { freePort, Memcached } from "./memcached.ts";
export { Proxy } from "./proxy.ts";
