export { freePort, Memcached } from "@freshet/cache/conformance";
