import { readFileSync } from "node:fs";
import { parsePools } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { manifest } from "./views.ts";

test("the views compile with the pools of the deployment", () => {
  const file = new URL("../../../deploy/manifests/pools.yaml", import.meta.url);
  const pools = parsePools(parse(readFileSync(file, "utf8")), "pools.yaml");
  const graph = compile([{ file: "views.ts", manifest }], pools);
  for (const pool of ["profiles", "teams"]) expect(graph.pool(pool).topics).toEqual(["profile.events.v1"]);
});
