// What planning one event costs among 10 rules and among 10,000, of which the event concerns three. No server takes
// part; the two graphs take turns in every round.
import { parseManifest, parsePools } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { spread } from "./statistics.mjs";

const POOL = "p";
const RULES = [10, 10_000];
const CONCERNED = 3;

const published = {
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
  routing: { handle: "string", teamIds: ["string"], badge: "integer?" },
};

/** What the other rules depend on: nothing of it changes. `badge` is no field, so that no event announces it. */
const others = {
  "other event types": { event: "TeamChanged", params: { id: "subject" } },
  "other fields": { event: "ProfileChanged", fields: ["bio"], params: { id: "subject" } },
  "other routing values": { event: "ProfileChanged", fields: ["bio"], params: { id: "badge" } },
};

/** A change of displayName, as one of profile-service's: user_profile, by handle, and two directories. */
const event = {
  specversion: /** @type {const} */ ("1.0"),
  id: "019ab3f0-6f4e-7c1d-8a55-0242ac120002",
  source: "bench",
  type: "ProfileChanged",
  subject: "42",
  data: {
    version: 7,
    change: /** @type {const} */ ("updated"),
    changedFields: ["displayName"],
    before: { handle: "ada", teamIds: ["t1", "t2"], badge: 5 },
    after: { handle: "ada", teamIds: ["t1", "t2"], badge: 5 },
  },
};

/**
 * @param {object} dependency of every rule that the event does not concern
 * @param {number} rules in all
 */
function graphOf(dependency, rules) {
  const view = (/** @type {string} */ key, /** @type {object} */ of) => ({
    key,
    pool: POOL,
    dependsOn: [of],
  });
  const views = {
    user_profile: view("user_profile:{id}", { event: "ProfileChanged", params: { id: "subject" } }),
    by_handle: view("by_handle:{handle}", { event: "ProfileChanged", params: { handle: "handle" } }),
    directory: view("directory:{teamId}", {
      event: "ProfileChanged",
      fields: ["displayName"],
      params: { teamId: "teamIds[]" },
    }),
    ...Object.fromEntries(
      Array.from({ length: rules - CONCERNED }, (_, n) => [`other${n}`, view(`other${n}:{id}`, dependency)]),
    ),
  };
  const publishes = {
    ProfileChanged: published,
    TeamChanged: { ...published, entity: "team", topic: "teams.events.v1" },
  };
  const manifest = parseManifest({ freshet: 1, service: "bench", publishes, views }, "bench.yaml");
  const pools = parsePools({ freshet: 1, pools: { [POOL]: { nodes: ["127.0.0.1:11211"] } } }, "pools.yaml");
  return compile([{ file: "bench.yaml", manifest }], pools).pool(POOL);
}

/**
 * Nanoseconds of one plan, by what the other rules depend on and how many there are.
 * @param {{ plans: number, rounds: number, signal: AbortSignal }} options
 */
export function measurePlans({ plans, rounds, signal }) {
  return Object.entries(others).map(([name, dependency]) => {
    const graphs = RULES.map((rules) => graphOf(dependency, rules));
    const run = (/** @type {ReturnType<typeof graphOf>} */ graph) => {
      const startedNs = process.hrtime.bigint();
      let keys = 0;
      for (let n = 0; n < plans; n += 1) {
        const plan = graph.plan(event);
        if (plan.kind === "keys") keys += plan.keys.length;
      }
      const ns = Number(process.hrtime.bigint() - startedNs) / plans;
      if (keys !== 4 * plans) throw new Error(`${keys} keys of ${plans} events`);
      return ns;
    };
    for (const graph of graphs) run(graph);
    const measured = Array.from({ length: rounds }, (_, round) => {
      signal.throwIfAborted();
      // Each goes first as often as the other.
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      const ns = [0, 0];
      for (const index of order) ns[index] = run(/** @type {ReturnType<typeof graphOf>} */ (graphs[index]));
      return ns;
    });
    return {
      others: name,
      few: spread(measured.map(([few = NaN]) => few)),
      many: spread(measured.map(([, many = NaN]) => many)),
      ratio: spread(measured.map(([few = NaN, many = NaN]) => many / few)),
    };
  });
}
