// npm run docs:screenshots: pictures of the live page for the documents, from real traffic on servers of its own.
// --seconds=<n>: how long the traffic lasts before they are taken.
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS, chromiumPath } from "./local/chromium.mjs";
import { Sandbox } from "./local/sandbox.mjs";
import { abortAtStopSignals } from "./local/stop-signals.mjs";

const FOLDER = fileURLToPath(new URL("../docs/images", import.meta.url));
const MAX_KB = 150;
const PROFILES = 24;

const PICTURES = /** @type {const} */ ([
  { file: "page-light.png", colorScheme: "light", width: 1280, height: 1060 },
  { file: "page-dark.png", colorScheme: "dark", width: 1280, height: 1060 },
  { file: "page-graph.png", colorScheme: "light", width: 1280, height: 520, chosen: "ProfileChanged" },
  { file: "page-phone.png", colorScheme: "light", width: 390, height: 1180 },
]);

const { values: options } = parseArgs({ options: { seconds: { type: "string", default: "120" } } });
const signal = abortAtStopSignals();
const executablePath = chromiumPath();
if (executablePath === undefined) throw new Error("no Chromium on the PATH: apt-get install chromium");

const sandbox = await Sandbox.open("screenshots", { signal });
try {
  const service = sandbox.profileService();
  const invalidator = sandbox.invalidator({
    env: {
      REFRESH: "on",
      SERVICE_URL_PROFILE_SERVICE: sandbox.internalUrl,
      AUDITOR_URL: sandbox.auditorUrl,
      DEPLOYMENT: "staging",
    },
  });
  const auditor = sandbox.auditor({ env: { DEPLOYMENT: "staging" } });
  await Promise.all([service.start(signal), invalidator.start(signal), auditor.start(signal)]);
  const traffic = new AbortController();
  const writing = write(AbortSignal.any([signal, traffic.signal]));
  await pause(Number(options.seconds) * 1_000, undefined, { signal });
  await takePictures(executablePath);
  traffic.abort();
  await writing;
} finally {
  await sandbox.close();
}

/**
 * People of a few teams who edit their profiles and read each other's, now more and now less.
 * @param {AbortSignal} until
 */
async function write(until) {
  const ids = Array.from({ length: PROFILES }, (_, index) => String(index + 1));
  for (const id of ids)
    await request("POST", "/profiles", {
      id,
      handle: `member-${id}`,
      displayName: `Member ${id}`,
      teamIds: [`team-${Number(id) % 4}`],
    });
  for (let round = 0; !until.aborted; round += 1) {
    const id = String(1 + Math.floor(Math.random() * PROFILES));
    await request("GET", `/profiles/${id}`);
    await request("GET", `/teams/team-${round % 4}/directory`);
    await request("PATCH", `/profiles/${id}`, { displayName: `Member ${id}, round ${round}` });
    const busy = 0.5 + 0.5 * Math.sin(round / 40);
    await pause(40 + 400 * (1 - busy), undefined, { signal: until }).catch(() => undefined);
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function request(method, path, body) {
  const response = await fetch(sandbox.serviceUrl + path, {
    method,
    ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
}

/** @param {string} path of Chromium */
async function takePictures(path) {
  mkdirSync(FOLDER, { recursive: true });
  const browser = await chromium.launch({ executablePath: path, args: CHROMIUM_ARGS });
  try {
    for (const { file, width, height, colorScheme, ...rest } of PICTURES) {
      const page = await browser.newPage({
        viewport: { width, height },
        colorScheme,
        reducedMotion: "reduce",
      });
      await page.goto(sandbox.invalidatorUrl);
      await page.locator(".verdict[data-level=good]").waitFor();
      await page.locator("#recent tr").first().waitFor();
      const target = join(FOLDER, file);
      if ("chosen" in rest) {
        await page.getByRole("button", { name: rest.chosen }).click();
        await page.locator("section:has(#graph)").screenshot({ path: target });
      } else await page.screenshot({ path: target });
      const kb = Math.ceil(statSync(target).size / 1_000);
      if (kb > MAX_KB) throw new Error(`${file} has ${kb} kB: more than ${MAX_KB}`);
      console.log(`docs/images/${file} (${kb} kB)`);
      await page.close();
    }
  } finally {
    await browser.close();
  }
}
