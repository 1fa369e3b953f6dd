// npm run interleavings [-- <runs> <first seed>]: as many as one has time for; exits with 1 when a promise breaks.
import { playInterleaving } from "./interleaving.ts";
import { Memcached } from "./memcached.ts";

const [runs = 5_000, firstSeed = Math.floor(Math.random() * 2 ** 31)] = process.argv.slice(2).map(Number);
const startedAtMs = performance.now();
let steps = 0;

await using memcached = await Memcached.start();
for (let seed = firstSeed; seed < firstSeed + runs && process.exitCode === undefined; seed++) {
  const { violation, trace } = await playInterleaving(memcached, seed);
  steps += trace.length;
  if (violation === undefined) continue;
  console.error([`seed ${seed}: ${violation}`, ...trace].join("\n  "));
  process.exitCode = 1;
}
const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0);
console.log(
  `seeds ${firstSeed} to ${firstSeed + runs - 1}: ${runs} interleavings, ${steps} steps, ${seconds} s`,
);
