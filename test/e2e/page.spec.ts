import { type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumMissing, ownBrowser, problemsOn, seriousFindings } from "../support/chromium.ts";
import { untilQuiet } from "../support/checker.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { ownBroker } from "../support/own-servers.ts";
import { publish } from "../support/publish.ts";
import { type RunningApp, System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

async function send(method: string, url: string, body: object): Promise<void> {
  const json = { "content-type": "application/json" };
  const response = await fetch(url, { method, headers: json, body: JSON.stringify(body) });
  expect(response.ok, await response.text()).toBe(true);
}

/** Every element that Tab reaches, by what it is called, until the first comes again. */
async function tabStops(page: Page): Promise<string[]> {
  const stops: string[] = [];
  for (;;) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const focused = document.activeElement;
      if (focused === null || focused === document.body) return "";
      return (focused.getAttribute("aria-labelledby") ?? (focused.textContent || focused.id)).trim();
    });
    if (stop === "" || stop === stops[0]) return stops;
    stops.push(stop);
  }
}

describe.skipIf(chromiumMissing !== undefined)(`the live page ${chromiumMissing ?? ""}`, () => {
  let system: System;
  let service: RunningApp;
  let auditor: RunningApp;
  let invalidator: RunningApp;
  let browser: Browser;

  beforeAll(async () => {
    // The page shows the last events of a batch: those of other specs would crowd out its own.
    system = await System.create({ brokers: [(await ownBroker()).address] });
    [service, auditor, browser] = await Promise.all([
      system.startService(),
      system.startAuditor({ env: { AUDIT_HORIZONS_SECONDS: "2" } }),
      ownBrowser(),
    ]);
    invalidator = await system.startInvalidator({ env: { AUDITOR_URL: auditor.url } });
  });
  afterAll(async () => {
    await browser.close();
    await system[Symbol.asyncDispose]();
  });

  /** The page once it has shown the first figures, and what goes wrong on it from its first byte on. */
  async function open(page: Page): Promise<string[]> {
    const problems = problemsOn(page);
    page.setDefaultTimeout(60_000);
    await page.goto(invalidator.url);
    await page.locator(".verdict[data-level=good]").waitFor();
    return problems;
  }

  test("is for everybody: axe finds nothing serious in either theme, Tab reaches everything, all is under 200 kB", async () => {
    const page = await browser.newPage({ reducedMotion: "reduce" });
    const bodies: Promise<Buffer>[] = [];
    page.on("response", (response) => {
      if (!response.url().endsWith("/live")) bodies.push(response.body());
    });
    const problems = await open(page);
    const id = uniqueName("p");
    const teamIds = [uniqueName("t")];
    await send("POST", `${service.url}/profiles`, { id, handle: id, displayName: "Ada", teamIds });
    await page.getByText(`user_profile:${id}`, { exact: true }).waitFor();
    await page.locator(".chart canvas").first().waitFor();
    // The auditor's first checks have ended.
    await page.locator("#audit tr", { hasText: "user_profile" }).first().waitFor();

    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await seriousFindings(page), colorScheme).toEqual([]);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await seriousFindings(page), "on a phone").toEqual([]);
    const [contentWidth, shownWidth] = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return [scrollWidth, clientWidth];
    });
    expect([contentWidth, shownWidth]).toEqual([360, 360]);

    const stops = await tabStops(page);
    for (const name of [
      "Skip to the figures",
      "nodes-title",
      "Pause",
      "recent-title",
      "graph-title",
      "explain-key",
    ])
      expect(stops).toContain(name);
    for (const name of ["ProfileChanged", "user_profile", "user_profile_by_handle", "team_directory"])
      expect(stops.filter((stop) => stop.startsWith(`${name} `))).toHaveLength(1);
    for (const name of ["24\u00a0partitions", "/status", "/metrics"]) expect(stops).toContain(name);
    await page.getByRole("button", { name: "ProfileChanged" }).focus();
    await page.keyboard.press("Enter");
    await page.locator("#reached", { hasText: "ProfileChanged reaches 3\u00a0views" }).waitFor();

    expect(problems).toEqual([]);
    const bytes = (await Promise.all(bodies)).reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(60_000); // the chart library alone has 51
    expect(bytes).toBeLessThan(200_000);
    await page.close();
  });

  test("shows a change when it is invalidated and a node that is away, and goes on after a restart", async () => {
    const page = await browser.newPage();
    const problems = await open(page);
    const id = uniqueName("p");
    await send("POST", `${service.url}/profiles`, { id, handle: id, displayName: "Ada" });
    await send("PATCH", `${service.url}/profiles/${id}`, { displayName: "Ada Lovelace" });
    await page.getByText(`ProfileChanged ${id}, version 2`).first().waitFor();

    await page.getByLabel("Key", { exact: true }).fill(`user_profile:${id}`);
    await page.keyboard.press("Enter");
    await page.locator("#explained dd", { hasText: /^user_profile$/ }).waitFor();
    await page.locator("#explained li", { hasText: "version 2" }).waitFor();

    const [node] = system.nodes;
    const row = page.locator("#nodes tr", { hasText: node.address });
    await node.kill();
    const killedMs = performance.now();
    await row.getByText("away", { exact: true }).waitFor();
    console.log(
      `a dead node stood on the page after ${((performance.now() - killedMs) / 1_000).toFixed(1)} s`,
    );
    await page.locator(".verdict[data-level=bad]", { hasText: `${node.address} is away` }).waitFor();
    await node.start();
    await row.getByText("up", { exact: true }).waitFor();
    expect(problems).toEqual([]);

    await invalidator.kill();
    await page.locator("#connection[data-state=lost]").waitFor();
    await page.locator(".verdict[data-level=unknown]").waitFor();
    await invalidator.start();
    await page.locator("#connection[data-state=live]").waitFor();
    await send("PATCH", `${service.url}/profiles/${id}`, { displayName: "Countess of Lovelace" });
    await page.getByText(`ProfileChanged ${id}, version 3`).first().waitFor();
    // The browser itself says when a server is away; nothing else may go wrong.
    expect(problems.filter((text) => !text.includes("net::ERR_"))).toEqual([]);
    await page.close();
  });

  test("shows what the auditor found: nines by view, an old value with its evidence, and that it does not answer", async () => {
    const page = await browser.newPage();
    const problems = await open(page);
    const id = uniqueName("p");
    const [key, url] = [`user_profile:${id}`, `${service.url}/profiles/${id}`];
    await send("POST", `${service.url}/profiles`, { id, handle: id, displayName: "Ada" });
    const old = await waitFor(
      async () => {
        await (await fetch(url)).arrayBuffer();
        const texts = await Promise.all(system.nodeAddresses.map((node) => readKey(node, key)));
        const at = texts.findIndex((text) => text?.includes('"Ada"'));
        return at === -1 ? undefined : { node: system.nodeAddresses[at] ?? "", text: texts[at] ?? "" };
      },
      { timeoutMs: 60_000, describe: "a cached copy" },
    );
    const found = page.locator("#violations li", { hasText: `${key} on ${old.node}` }).first();
    await waitFor(
      async () => {
        await send("PATCH", url, { displayName: uniqueName("name") });
        await untilQuiet(system);
        // As a client does that does not fill by compare-and-swap; on a busy machine it may come after the check.
        await writeKey(old.node, key, old.text);
        await found.waitFor({ timeout: 10_000 });
        return true;
      },
      { timeoutMs: 120_000, describe: "an old value on the page" },
    );
    expect(await found.textContent()).toMatch(
      /version 1 cached, \d+ committed; .* was acknowledged by every node/,
    );
    const row = page.locator("#audit tr", { hasText: /user_profile(?!_)/ });
    expect(await row.textContent()).toMatch(/profilesuser_profile2 s\d+\d+at least \d\.\d nines/);
    expect(await seriousFindings(page)).toEqual([]);

    await auditor.stop();
    await page.getByText("Not known: the auditor at AUDITOR_URL does not answer").waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  test("shows what strangers put into keys as text", async () => {
    const page = await browser.newPage();
    const problems = await open(page);
    const subject = `<img/src=x/onerror=alert(1)/id=${uniqueName("x")}>`;
    const data = { version: 1, change: "created", before: null, after: { handle: subject, teamIds: [] } };
    const event = {
      specversion: "1.0",
      id: subject,
      source: "stranger",
      type: "ProfileChanged",
      subject,
      data,
    };
    await publish(system.brokers, system.topic, [{ key: subject, value: JSON.stringify(event) }]);
    await page.getByText(`ProfileChanged ${subject}, version 1`).first().waitFor();
    expect(await page.locator("main img").count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });
});
