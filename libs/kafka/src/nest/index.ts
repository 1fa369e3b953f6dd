export { freshetBatch, FreshetServer } from "./freshet-server.ts";
export { KeepErrorFilter } from "./keep-error.filter.ts";
