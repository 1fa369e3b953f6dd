/** The steps of READ, in their order. The model in test/model explores steps of the same names. */
export type ReadStep = "lookUp" | "claim" | "captureTags" | "load" | "fill";

/** The steps of REFRESH; `delete` in any doubt. */
export type RefreshStep = "lookUp" | "load" | "renew" | "delete";
