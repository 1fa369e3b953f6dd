// Millions of inputs for what reads strangers' bytes: the decoder with the planner behind it, and the manifest loader.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeBatch } from "../../apps/invalidator/src/pipeline/decode.ts";
import { planBatch } from "../../apps/invalidator/src/pipeline/plan.ts";
import { parseYaml } from "../../libs/config/src/parse-yaml.ts";
import { ManifestError, parseManifest, parsePools } from "../../libs/contracts/src/manifest.ts";
import { compile } from "../../libs/dependency-graph/src/compile.ts";
import { event } from "./hostile-events.ts";
import { mutations } from "./mutations.ts";

/** How many inputs were taken and how many refused: one of them alone would mean that nothing was tried. */
export interface Tried {
  readonly taken: number;
  readonly refused: number;
  /** The longest that one input took, in ms. */
  readonly slowestMs: number;
}

const folder = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));
const sources = new Map(readdirSync(folder).map((file) => [file, readFileSync(`${folder}/${file}`, "utf8")]));
const topic = "profile.events.v1";

/** Small, so that a change hits what matters. */
const manifest = `freshet: 1
service: s
publishes:
  A: { entity: a, topic: a.events.v1, fields: [f], routing: { h: string, t: "[string]?" } }
views:
  v: { key: "v:{p}", pool: profiles, dependsOn: [{ event: A, params: { p: subject } }], onChange: { refresh: /v } }
  w: { key: "w:{q}", pool: profiles, ttlSeconds: 60, dependsOn: [{ event: A, fields: [f], params: { q: "t[]" } }] }
  x: { key: "x:{q}", pool: profiles, derivedFrom: [w] }
  y: { key: "y:{z}", pool: profiles, tags: [{ tag: "y:all", event: A }] }
`;
const inEvents = [
  '"__proto__":{"handle":"x","teamIds":[]},',
  '"constructor":{"prototype":{"polluted":1}},',
  ...['"subject":"a:b\\r\\nflush_all",', '"\\ud800"', '"\\u0000"', "\ufeff", "\u2028", "1e999", "-0", "null"],
  ...["9007199254740993", "[", "{", '{"a":', '"', "\\", "true", ",", '"change":"deleted",', '"version":0,'],
];
const inManifests = [
  ...[
    "__proto__: { polluted: 1 }\n",
    "constructor: { prototype: 1 }\n",
    "? [a]\n: b\n",
    "!!js/function 'x'\n",
  ],
  ...[
    "&a [*a]\n",
    "<<: *a\n",
    "- &b [*b, *b]\n",
    "{",
    "[",
    "'",
    '"',
    "|\n",
    ">\n",
    "%YAML 9\n",
    "---\n",
    "\t",
  ],
  ...["{p}", "{", "}", "t:", "1e400", ".nan", "0x10", "~", "null", "[[", "x: ".repeat(50), "\u0000", "*a"],
];

/** Each input is one record: it ends in exactly one way, and its keys are keys of the views. */
export function tryDecoder(inputs: number, seed: number): Tried {
  const pools = parsePools(parseYaml(sources.get("pools.yaml") ?? "", "pools.yaml"), "pools.yaml");
  const file = "profile-service.yaml";
  const graph = compile(
    [{ file, manifest: parseManifest(parseYaml(sources.get(file) ?? "", file), file) }],
    pools,
  );
  const views = graph.pool("profiles");
  const profile = { handle: "ada", teamIds: ["t1", "t2"] };
  const samples = (["created", "updated", "deleted"] as const).map((change) => {
    const data = {
      version: 7,
      change,
      changedFields: ["handle", "teamIds"],
      before: profile,
      after: profile,
    };
    return JSON.stringify(event("42", { data }));
  });
  return tryAll(inputs, mutations(samples, inEvents, seed), (value) => {
    const message = {
      key: Buffer.from("42"),
      value,
      timestamp: "0",
      attributes: 0,
      offset: "0",
      headers: {},
    };
    const plan = planBatch(decodeBatch([message]), topic, views, 10);
    const ended = plan.applied + plan.superseded + plan.unaffected + plan.letters.length;
    if (ended !== 1) throw new Error(`the record ended in ${ended} ways`);
    for (const key of [...plan.deletes, ...plan.renewals.map(({ item }) => item.key)])
      if (!/^user_profile(_by_handle)?:[^\p{Cc} :]{1,64}$/u.test(key))
        throw new Error(`no view has the key ${key}`);
    return plan.letters.length === 0;
  });
}

/** Each input is the text of a manifest: it is compiled, or refused by a ManifestError that says where and why. */
export function tryManifestLoader(inputs: number, seed: number): Tried {
  const pools = parsePools(parseYaml(sources.get("pools.yaml") ?? "", "pools.yaml"), "pools.yaml");
  return tryAll(inputs, mutations([manifest], inManifests, seed), (bytes) => {
    const file = "s.yaml";
    try {
      compile([{ file, manifest: parseManifest(parseYaml(bytes.toString(), file), file) }], pools);
      return true;
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      if (error.problems.some(({ path, problem, mend }) => path === "" || problem === "" || mend === ""))
        throw new Error(`the refusal does not say enough: ${error.message}`);
      return false;
    }
  });
}

function tryAll(count: number, inputs: Generator<Buffer, never>, isTaken: (input: Buffer) => boolean): Tried {
  let [taken, refused, slowestMs] = [0, 0, 0];
  for (let n = 0; n < count; n += 1) {
    const input = inputs.next().value;
    const startedMs = performance.now();
    try {
      if (isTaken(input)) taken += 1;
      else refused += 1;
    } catch (cause) {
      throw new Error(`input ${n}: ${input.toString().slice(0, 1_000)}`, { cause });
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  const polluted = Object.keys(Object.prototype).concat("polluted" in {} ? ["polluted"] : []);
  if (polluted.length > 0) throw new Error(`Object.prototype has ${polluted.join(", ")}`);
  return { taken, refused, slowestMs };
}
