// What is no entry of a package is out of reach: it may change in any version.
// @ts-expect-error -- not exported
export type * from "@freshet/cache/dist/pool.js";
// @ts-expect-error -- not exported
export type * from "@freshet/outbox/src/claim.ts";
