// npm run contracts:release: keeps the contracts as those of this version, for contracts.spec.ts to hold later ones to.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { release } from "./contracts/current.mjs";

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")));
console.log(`written: ${await release(version)}`);
