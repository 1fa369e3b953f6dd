import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { z } from "zod";
import { LOOPBACK } from "./ports.mjs";
import { ServerProcess } from "./server-process.mjs";

const DASHBOARD = new URL("../../deploy/grafana/dashboards/freshet.json", import.meta.url);
const dashboard = z.object({
  annotations: z.object({ list: z.array(z.object({ name: z.string(), expr: z.string() })) }),
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })),
});
const samples = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});
const rule = z.object({
  type: z.enum(["recording", "alerting"]),
  name: z.string(),
  query: z.string(),
  health: z.string(),
  lastError: z.string().optional(),
  state: z.string().optional(),
});
const rules = z.object({ data: z.object({ groups: z.array(z.object({ rules: z.array(rule) })) }) });
const metadata = z.object({ data: z.record(z.string(), z.unknown()) });

/** The system's Prometheus; undefined where there is none. */
export function prometheusPath() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, "prometheus")).find((path) => existsSync(path));
}

/**
 * A Prometheus on 127.0.0.1, not started yet.
 * @param {{ command: string, port: number, dir: string, config: object }} options dir gets its data, its log and the
 *   configuration, which is YAML's subset JSON
 */
export function prometheusServer({ command, port, dir, config }) {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, "prometheus.json");
  writeFileSync(file, JSON.stringify(config));
  return new ServerProcess({
    name: "Prometheus",
    port,
    command,
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=${LOOPBACK}:${port}`,
    ],
    logFile: join(dir, "prometheus.log"),
    stopSignal: "SIGTERM",
    answers: async () => {
      const response = await fetch(`http://${LOOPBACK}:${port}/-/ready`);
      if (!response.ok) throw new Error(`Prometheus answers ${response.status}`);
    },
  });
}

/** Every query of the dashboard, with the title of its panel. */
export function dashboardQueries() {
  const { annotations, panels } = dashboard.parse(JSON.parse(readFileSync(DASHBOARD, "utf8")));
  return [
    ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, query: expr }))),
    ...annotations.list.map(({ name, expr }) => ({ title: name, query: expr })),
  ];
}

/**
 * What a query gives now; rejects when Prometheus refuses it.
 * @param {string} url of Prometheus
 * @param {string} query
 */
export async function askPrometheus(url, query) {
  return samples.parse(await get(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)).data.result;
}

/**
 * The rules that it has loaded, and how they do.
 * @param {string} url of Prometheus
 */
export async function rulesOf(url) {
  return rules.parse(await get(`${url}/api/v1/rules`)).data.groups.flatMap((group) => group.rules);
}

/**
 * The metrics that its targets tell of, also those that have no sample yet.
 * @param {string} url of Prometheus
 */
export async function metricsOf(url) {
  return Object.keys(metadata.parse(await get(`${url}/api/v1/metadata`)).data);
}

/**
 * @param {string} url
 * @returns {Promise<unknown>}
 */
async function get(url) {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${text}`);
  /** @type {unknown} */
  const value = JSON.parse(text);
  return value;
}
