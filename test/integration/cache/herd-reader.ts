// One process of a service, started by herd.spec.ts: reads one key many times at once when it is told to.
import { ReadThroughCache, versioned } from "@freshet/cache";
import { z } from "zod";
import { type Profile, userProfile } from "./primary.ts";

const [node = "", primaryUrl = "", id = "", readers = ""] = process.argv.slice(2);
const cache = new ReadThroughCache({ pools: { profiles: { nodes: node } }, limits: { timeoutMs: 5_000 } });
const row = z.object({ id: z.string(), version: z.int(), name: z.string() });

async function load() {
  const response = await fetch(primaryUrl);
  return versioned<Profile>(row.parse(await response.json()));
}

process.once("message", () => {
  const reads = Array.from({ length: Number(readers) }, () =>
    cache.get(userProfile, { profileId: id }, load),
  );
  process.send?.({ asked: reads.length });
  void Promise.all(reads).then((values) => {
    process.send?.({ versions: values.map((value) => value?.version) });
    cache.close();
    process.disconnect();
  });
});
// A service that runs: connected, its code compiled.
await cache.get(userProfile, { profileId: `${id}-${process.pid}` }, load);
process.send?.({ ready: true });
