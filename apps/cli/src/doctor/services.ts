import type { DependencyGraph } from "@freshet/dependency-graph";
import { failureOf } from "../failure.ts";
import { getText, jsonOf } from "../http.ts";
import { readinessSchema, statusProblems, statusSchema } from "../status-report.ts";
import { judgeClock } from "./clocks.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import type { SeenTopology } from "./node-lists.ts";

/** One line of a service's metrics. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a service tells on its operator's port. */
export interface ServiceFacts {
  readonly url: string;
  readonly readiness: { readonly httpStatus: number; readonly body: unknown };
  readonly samples: readonly Sample[];
  /** What `GET /status` says; undefined: it has none. */
  readonly status: unknown;
  /** Its clock less ours, by the header Date, which knows whole seconds. */
  readonly skewMs: number | undefined;
}

/** The metric by which a service tells its node lists. */
const topologyInfo = /^freshet_topology_info$/;
/** HTTP's Date is cut to the second; the rest is the way there. */
const dateToleranceMs = 1_500;
const check = "service";

/** The lines of a metrics page. Pure. */
export function parseSamples(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? [^\s]+/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    return [
      {
        name,
        labels: Object.fromEntries(pairs.map(([, label = "", value = ""]) => [label, value] as const)),
      },
    ];
  });
}

/** The node lists that a service says it works under. Pure. */
export function topologiesOf({ url, samples }: ServiceFacts): SeenTopology[] {
  return samples.flatMap(({ name, labels: { pool, topology } }) =>
    topologyInfo.test(name) && pool !== undefined && topology !== undefined
      ? [{ pool, topology, by: url }]
      : [],
  );
}

/** How a service stands, and what it names that no manifest knows. Pure. */
export function judgeService(facts: ServiceFacts, graph: DependencyGraph | undefined): Finding[] {
  const { url, readiness, samples, status, skewMs } = facts;
  const found: Finding[] = [];
  const ready = readinessSchema.safeParse(readiness.body);
  if (!ready.success)
    found.push(
      problem(
        check,
        url,
        `GET /health/ready answers ${readiness.httpStatus}, not as an app of Freshet does`,
        "name an invalidator's read-only port (3001) or a service's internal port (3100)",
      ),
    );
  else if (ready.data.status === "ok") found.push(ok(check, url, "ready"));
  else
    for (const [name, { ok: well, detail }] of Object.entries(ready.data.checks))
      if (!well)
        found.push(
          problem(check, url, `not ready: ${name}: ${detail ?? "fails"}`, "see its log, and this check"),
        );
  const invalidator = statusSchema.safeParse(status);
  if (invalidator.success)
    for (const { pool, problem: says, mend } of invalidator.data.pools.flatMap(statusProblems))
      found.push(problem(check, url, `pool ${pool}: ${says}`, mend));
  if (skewMs !== undefined) found.push(judgeClock(url, skewMs, dateToleranceMs));
  if (graph !== undefined) found.push(...judgeViews(url, samples, graph));
  if (!samples.some(({ name }) => topologyInfo.test(name)))
    found.push(
      warning(
        "node lists",
        url,
        "it does not tell its node lists (no freshet_topology_info)",
        "upgrade it, or compare its MEMCACHED_* by hand",
      ),
    );
  return found;
}

function judgeViews(url: string, samples: readonly Sample[], graph: DependencyGraph): Finding[] {
  const named = samples.flatMap(({ name, labels: { view } }) =>
    name.startsWith("freshet_") && view !== undefined && view !== "" ? [view] : [],
  );
  const unknown = [...new Set(named)].filter((view) => !graph.views.some(({ name }) => name === view)).sort();
  return unknown.length === 0
    ? []
    : [
        problem(
          "views",
          url,
          `it caches ${unknown.join(", ")}, which no manifest declares: nobody invalidates that`,
          "export its manifest into the folder with `freshet manifests export`, or name the right --manifests",
        ),
      ];
}

/**
 * Asks a service's operator port. What does not answer at all is told by the caller.
 * @throws FreshetError SERVICE_UNREACHABLE
 */
export async function askService(url: string, signal: AbortSignal): Promise<ServiceFacts> {
  const ready = await getText(`${url}/health/ready`, signal);
  const [metrics, status] = await Promise.all([
    getText(`${url}/metrics`, signal),
    getText(`${url}/status`, signal),
  ]);
  const dateMs = Date.parse(ready.date ?? "");
  return {
    url,
    readiness: { httpStatus: ready.httpStatus, body: jsonOf(ready.text) },
    samples: metrics.httpStatus === 200 ? parseSamples(metrics.text) : [],
    status: status.httpStatus === 200 ? jsonOf(status.text) : undefined,
    // Half a second later than it says, on average.
    skewMs: Number.isNaN(dateMs) ? undefined : dateMs + 500 - ready.atMs,
  };
}

/** The addresses at which the owners of refreshed views are asked. Pure but for `urlOf`. */
export function judgeOwners(
  graph: DependencyGraph,
  urlOf: (service: string) => string | undefined,
): readonly Finding[] {
  const owners = [
    ...new Set(
      graph.views.filter(({ refreshPath }) => refreshPath !== undefined).map(({ service }) => service),
    ),
  ];
  return owners.flatMap((service) => {
    const variable = `SERVICE_URL_${service.toUpperCase().replaceAll("-", "_")}`;
    return urlOf(service) === undefined
      ? [
          warning(
            "owner",
            service,
            `${variable} is not set here: where an invalidator lacks it too, its views are deleted and not refreshed`,
            `set ${variable} to the internal port of ${service}, here and for the invalidators`,
          ),
        ]
      : [];
  });
}

/** Whether the address of an owner answers. */
export async function askOwner(service: string, url: string, signal: AbortSignal): Promise<Finding> {
  try {
    const { httpStatus } = await getText(`${url}/health/ready`, signal);
    return httpStatus === 200
      ? ok("owner", service, `answers at ${url}`)
      : problem("owner", service, `${url}/health/ready answers ${httpStatus}`, "see its log");
  } catch (error) {
    const { message, remedy } = failureOf(error);
    return problem("owner", service, message, remedy);
  }
}
