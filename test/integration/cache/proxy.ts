export { Proxy } from "@freshet/cache/conformance";
