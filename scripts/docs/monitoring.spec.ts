import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, read } from "./documents.ts";

/** Metric → its labels, by docs/metrics.md; a histogram under the three names that Prometheus stores. */
const documented = new Map<string, readonly string[]>(
  [...read("docs/metrics.md").matchAll(/^\| `(freshet_\w+)` *\| (\w+) *\| (.*?) *\|/gm)].flatMap(
    ([, name = "", kind = "", labels = ""]): [string, string[]][] => {
      const names = [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label);
      if (kind !== "histogram") return [[name, names]];
      return ["_bucket", "_sum", "_count"].map((end) => [name + end, [...names, "le"]]);
    },
  ),
);

describe.each([
  ["deploy/grafana/dashboards/freshet.json", 20],
  ["deploy/prometheus/alarms.yml", 9],
])("%s", (file, atLeast) => {
  const queries = [...read(file).matchAll(/(?:"expr": "|expr: )(.*)$/gm)].map(([, query = ""]) => query);
  const uses = queries.flatMap((query) => {
    const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(/, */));
    // What a recording rule has named stands between colons.
    return [...query.matchAll(/(?<![:\w])freshet_\w+/g)].map(([metric]) => ({ query, metric, grouped }));
  });

  it("asks for metrics that docs/metrics.md names", () => {
    expect(uses.length).toBeGreaterThanOrEqual(atLeast);
    expect(uses.filter(({ metric }) => !documented.has(metric))).toEqual([]);
  });

  it("groups by labels that the metric has", () => {
    const wrong = uses.filter(({ metric, grouped }) =>
      grouped.some((label) => documented.get(metric)?.includes(label) !== true),
    );
    expect(wrong).toEqual([]);
  });
});

const promtool = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "promtool"))
  .find((path) => existsSync(path));

describe.skipIf(promtool === undefined)("alarms, by promtool (Debian's package prometheus)", () => {
  it("each comes when it should, and not without its cause", () => {
    const { status, stdout, stderr } = spawnSync(
      promtool ?? "",
      ["test", "rules", "deploy/prometheus/alarms.test.yml"],
      { encoding: "utf8" },
    );
    expect(stdout + stderr).toContain("SUCCESS");
    expect(status).toBe(0);
  });

  it("each is played", () => {
    const alarms = [...read("deploy/prometheus/alarms.yml").matchAll(/- alert: (\w+)/g)];
    const plays = read("deploy/prometheus/alarms.test.yml");
    for (const [, alarm = ""] of alarms)
      expect(plays).toMatch(
        new RegExp(`- alertname: ${alarm}\\n +eval_time: \\w+\\n +exp_alerts:\\n +- exp_labels`),
      );
  });
});

it("each alarm has the runbook that it names, and each runbook its alarm", () => {
  const alarms = read("deploy/prometheus/alarms.yml")
    .split(/^ +- alert: /m)
    .slice(1);
  const named = alarms.map((alarm) => [
    /^\w+/.exec(alarm)?.[0],
    /^ +runbook: (\S+)$/m.exec(alarm)?.[1] ?? "no runbook",
  ]);
  const index = "docs/runbooks/README.md";
  const pages = documents
    .filter((path) => path.startsWith("docs/runbooks/") && path !== index)
    .map((path) => [/^# (\w+)$/m.exec(read(path))?.[1], path]);
  expect(named.sort()).toEqual(pages.sort());
  for (const [alarm, page = ""] of pages)
    expect(read(index)).toContain(`[${alarm}](${page.replace("docs/runbooks/", "")})`);
});

it("the dashboard names documents that there are", () => {
  const named = [...read("deploy/grafana/dashboards/freshet.json").matchAll(/docs\/[\w/-]+\.md/g)].map(
    ([path]) => path,
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((path) => !documents.includes(path))).toEqual([]);
});

it.each(documents.filter((path) => /^docs\/runbooks\/[a-z-]+\.md$/.test(path)))(
  "%s says what to look at, what to do, and when it is over",
  (page) => {
    expect([...read(page).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual([
      "Look at",
      "Do",
      "Over when",
    ]);
  },
);
