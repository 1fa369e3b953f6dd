export { inspectNode, readKey, writeKey } from "../../scripts/local/memcached-inspector.mjs";
