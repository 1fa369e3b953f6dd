// Every query of the dashboard and of the alarms, asked of a real Prometheus that scrapes the real apps under traffic,
// some of it in trouble.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { freePort } from "../../scripts/local/ports.mjs";
import {
  askPrometheus,
  dashboardQueries,
  metricsOf,
  prometheusPath,
  prometheusServer,
  rulesOf,
} from "../../scripts/local/prometheus.mjs";
import { startApp } from "../support/app.ts";
import { uniqueName } from "../support/names.ts";
import { ownBroker, ownDir, startOwn } from "../support/own-servers.ts";
import { publish } from "../support/publish.ts";
import { System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

const prometheusCommand = prometheusPath();
const missing =
  prometheusCommand === undefined ? "no Prometheus on the PATH: apt-get install prometheus" : undefined;
const manifestsDir = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));
const folder = fileURLToPath(new URL("../../deploy/prometheus/", import.meta.url));
const deployed = z
  .object({ scrape_configs: z.array(z.object({ job_name: z.string() })) })
  .parse(parse(readFileSync(join(folder, "prometheus.yml"), "utf8")));

/** Metrics with labels, which are not there before they count, of trouble that this test does not make. */
const onlyInTrouble: ReadonlyMap<string, string> = new Map([
  ["freshet_gaps_total", "records were deleted unread, or somebody moved the group"],
  ["freshet_topology_unknown_total", "a commit was made under a node list that is configured nowhere"],
]);

/** The metrics of a query; what a recording rule has named stands between colons. */
const namesIn = (query: string): string[] =>
  [...query.matchAll(/(?<![:\w])freshet_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ""));

describe.skipIf(missing !== undefined)(`Prometheus ${missing ?? ""}`, () => {
  test("has data for every query of the dashboard and every recorded rule, and evaluates every alarm over metrics that the apps tell of", async () => {
    // A broker of its own: an event that can't be decoded is everybody's.
    await using system = await System.create({ brokers: [(await ownBroker()).address] });
    const [service, invalidator, auditor, ingress] = await Promise.all([
      system.startService(),
      system.startInvalidator({ env: { REFRESH: "on" } }),
      system.startAuditor({ env: { AUDIT_HORIZONS_SECONDS: "1" } }),
      startApp("ingress", {
        port: await freePort(),
        env: {
          ...system.environment,
          MANIFESTS_DIR: manifestsDir,
          INGRESS_TOKENS: `${uniqueName("token")}-of-this-spec profile-service *`,
        },
      }),
    ]);
    const targets = {
      "profile-service": system.internalAddress,
      invalidator: invalidator.address,
      auditor: auditor.address,
      ingress: ingress.address,
    };
    const jobs = deployed.scrape_configs.map(({ job_name }) => job_name);
    expect(jobs).toEqual(expect.arrayContaining(Object.keys(targets)));
    const port = await freePort();
    const prometheus = await startOwn(
      prometheusServer({
        command: prometheusCommand ?? "",
        port,
        dir: join(ownDir(), "prometheus"),
        config: {
          global: { scrape_interval: "1s", evaluation_interval: "1s" },
          rule_files: [join(folder, "alarms.yml")],
          scrape_configs: Object.entries(targets).map(([job_name, target]) => ({
            job_name,
            static_configs: [{ targets: [target] }],
          })),
        },
      }),
    );
    const url = `http://${prometheus.address}`;
    const hasData = async (query: string) => {
      const samples = await askPrometheus(url, query);
      return samples.some(({ value: [, value] }) => value !== "NaN");
    };

    const traffic = new Traffic(service.url, { profiles: 5 });
    await traffic.createAll();
    const over = new AbortController();
    const changing = (async () => {
      while (!over.signal.aborted) await traffic.run(10);
    })();
    try {
      await publish(system.brokers, system.topic, [{ key: traffic.ids[0] ?? "", value: "{" }]);
      // What reaches it is missed, by readers and by the bus.
      await system.nodes[0].kill();

      const queries = dashboardQueries();
      expect(queries.length).toBeGreaterThan(30);
      const recorded = (await rulesOf(url)).flatMap(({ type, name }) =>
        type === "recording" ? [{ title: name, query: name }] : [],
      );
      expect(recorded.length).toBeGreaterThan(0);
      const expected = [...queries, ...recorded].filter(
        ({ query }) => !namesIn(query).some((name) => onlyInTrouble.has(name)),
      );
      let without = expected;
      await waitFor(
        async () => {
          const found = await Promise.all(
            without.map(async (one) => ((await hasData(one.query)) ? [] : [one])),
          );
          without = found.flat();
          expect(without).toEqual([]);
          return true;
        },
        { timeoutMs: 90_000, describe: "data for every query" },
      );

      const rules = await waitFor(
        async () => {
          const found = await rulesOf(url);
          expect(found.filter(({ health }) => health !== "ok")).toEqual([]);
          const stateOf = (alarm: string) => found.find(({ name }) => name === alarm)?.state;
          expect(stateOf("FreshetDeadLetters")).toBe("firing");
          expect(stateOf("FreshetEffectUnknown")).toBe("firing");
          expect(stateOf("FreshetNodeAway")).not.toBe("inactive"); // it waits for a minute
          return found;
        },
        { timeoutMs: 60_000, describe: "every rule to be evaluated, and the alarms of what was done" },
      );
      expect(rules.filter(({ type }) => type === "alerting").length).toBeGreaterThan(10);
      const told = new Set(await metricsOf(url));
      const asked = new Set([...rules, ...queries].flatMap(({ query }) => namesIn(query)));
      expect([...asked].filter((name) => !told.has(name))).toEqual([]);
      // Nothing is excused that is there, or that nobody asks for.
      for (const name of onlyInTrouble.keys()) {
        expect(asked).toContain(name);
        expect(await hasData(name)).toBe(false);
      }
    } finally {
      over.abort();
      await changing;
    }
  });
});
