export { freshetBatch, FreshetServer } from "./freshet-server.ts";
