import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM_ARGS, chromiumPath } from "../../scripts/local/chromium.mjs";

const executablePath = chromiumPath();

/** Why specs that need a browser are skipped; undefined when they aren't. */
export const chromiumMissing =
  executablePath === undefined ? "no Chromium on the PATH: apt-get install chromium" : undefined;

/** A headless browser that ends with its block. */
export async function ownBrowser(): Promise<Browser & AsyncDisposable> {
  if (executablePath === undefined) throw new Error(chromiumMissing);
  return chromium.launch({ executablePath, args: CHROMIUM_ARGS, timeout: 120_000 });
}

/** What goes wrong on a page from now on: errors on the console, refusals of the content security policy among them. */
export function problemsOn(page: Page): string[] {
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", ({ message }) => problems.push(message));
  return problems;
}

/** What axe finds on a page that is serious or critical, as "rule: elements". */
export async function seriousFindings(page: Page): Promise<string[]> {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>("axe.run(document)");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
