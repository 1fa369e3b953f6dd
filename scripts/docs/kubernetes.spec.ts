import { readdirSync } from "node:fs";
import { ingressSettings } from "../../apps/ingress/src/config.ts";
import { invalidatorSettings } from "../../apps/invalidator/src/config.ts";
import { profileServiceSettings } from "../../apps/profile-service/src/config.ts";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { read } from "./documents.ts";

const folder = "deploy/kubernetes";
const labels = z.record(z.string(), z.string());
const probe = z.object({ httpGet: z.object({ port: z.string() }).optional() }).optional();
const container = z.object({
  name: z.string(),
  image: z.string().regex(/:[\w.-]+$/, "is not pinned by a tag"),
  env: z.array(z.object({ name: z.string() })).default([]),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).default([]),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
  resources: z.object({ limits: z.object({ memory: z.string() }) }),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
  }),
});
const workload = z.object({
  kind: z.enum(["Deployment", "StatefulSet", "Job"]),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: z.object({ matchLabels: labels }).optional(),
    template: z.object({
      metadata: z.object({ labels }),
      spec: z.object({
        automountServiceAccountToken: z.literal(false),
        enableServiceLinks: z.literal(false),
        securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.number().min(1) }),
        containers: z.tuple([container]),
      }),
    }),
  }),
});
const budget = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ maxUnavailable: z.literal(1), selector: z.object({ matchLabels: labels }) }),
});
const settings = z.object({ data: z.record(z.string(), z.string()) });

const documents = readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".yaml"))
  .flatMap((file) => parseAllDocuments(read(`${folder}/${file}`)))
  .map((document) => z.looseObject({ kind: z.string() }).parse(document.toJS()));
const ofKind = (...kinds: string[]) => documents.filter(({ kind }) => kinds.includes(kind));
const workloads = ofKind("Deployment", "StatefulSet", "Job").map((document) => workload.parse(document));

describe("deploy/kubernetes", () => {
  it("confines every pod, and limits its memory", () => {
    // The schemas above refuse one that is not.
    expect(workloads.map(({ metadata: { name } }) => name).sort()).toEqual(
      [
        "ingress",
        "invalidator",
        "memcached-profiles",
        "memcached-teams",
        "migrate",
        "profile-service",
        "topics",
      ].sort(),
    );
  });

  it("gives every workload that goes on a disruption budget of its own pods", () => {
    const budgets = ofKind("PodDisruptionBudget").map((document) => budget.parse(document));
    const wanted = workloads.filter(({ kind }) => kind !== "Job");
    expect(budgets.map(({ metadata, spec }) => [metadata.name, spec.selector.matchLabels]).sort()).toEqual(
      wanted.map(({ metadata, spec }) => [metadata.name, spec.selector?.matchLabels]).sort(),
    );
    for (const { spec } of wanted)
      expect(spec.template.metadata.labels).toMatchObject(spec.selector?.matchLabels ?? {});
  });

  it("probes ports that the container names", () => {
    for (const { metadata, spec } of workloads) {
      const [{ ports, startupProbe, readinessProbe, livenessProbe }] = spec.template.spec.containers;
      const named = ports.map(({ name }) => name);
      for (const probed of [startupProbe, readinessProbe, livenessProbe])
        if (probed?.httpGet !== undefined) expect(named, metadata.name).toContain(probed.httpGet.port);
    }
  });

  it.each([
    ["profile-service", profileServiceSettings(true), /^$/],
    // Beside its schema: the nodes of pools, and whom a refresh asks.
    ["invalidator", invalidatorSettings(true), /^(MEMCACHED_\w+|SERVICE_URL_\w+)$/],
    ["ingress", ingressSettings, /^$/],
  ])("sets only what %s reads, and all that it needs", (name, schema, more) => {
    const [shared] = ofKind("ConfigMap").map((document) => settings.parse(document));
    const app = workloads.find(({ metadata }) => metadata.name === name);
    const own = (app?.spec.template.spec.containers[0].env ?? []).map(({ name }) =>
      name.replace(/_FILE$/, ""),
    );
    const given = [...Object.keys(shared?.data ?? {}), ...own];
    const required = schema.safeParse({}).error?.issues.map(({ path }) => String(path[0])) ?? [];
    expect(required.length).toBeGreaterThan(0);
    expect(required.filter((variable) => !given.includes(variable))).toEqual([]);
    expect(own.filter((variable) => !(variable in schema.shape) && !more.test(variable))).toEqual([]);
  });
});
