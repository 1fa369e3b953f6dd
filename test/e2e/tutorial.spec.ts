// docs/tutorial.md as its reader goes through it: each file written and each command run, in the order of the page,
// as they stand there but for the ports. What it shows as printed must be printed, but for numbers.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { groupLag } from "@freshet/kafka";
import { expect, onTestFinished, test } from "vitest";
import { codeBlocks, read } from "../../scripts/docs/documents.ts";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { freePort } from "../../scripts/local/ports.mjs";
import { freshDatabase } from "../support/database.ts";
import { System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

const clone = fileURLToPath(new URL("../..", import.meta.url));
const files = "docs/examples/tutorial/";
const mine = "run by test/e2e/tutorial.spec.ts";
// `npm run pack` is scripts/pack.mjs, which builds first.

test("who follows the tutorial sees a change of one service delete what another one caches", async () => {
  const home = mkdtempSync(join(tmpdir(), "freshet-tutorial-"));
  onTestFinished(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const folder = join(home, "freshet-tutorial");
  await using system = await System.create();
  const [articles, authors] = [await freePort(), await freePort()];
  const database = new URL(await freshDatabase());
  database.pathname += "_articles"; // the tutorial makes it
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    npm_config_cache: process.env["npm_config_cache"] ?? join(homedir(), ".npm"),
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
    npm_config_update_notifier: "false",
    ...system.environment,
    DEPLOYMENT: system.deployment,
    DATABASE_URL: database.href,
    ARTICLES_URL: `http://127.0.0.1:${articles}`,
  };
  let cwd = clone;

  const run = async (text: string) => {
    const here = text.replaceAll(":3300/", `:${articles}/`).replaceAll(":3400/", `:${authors}/`);
    const options = { cwd, env, maxBuffer: 16 * 1_048_576 };
    return (await promisify(execFile)("bash", ["-ec", here], options)).stdout.replaceAll(
      system.deployment,
      "local",
    );
  };
  const start = async (command: string, port: number) => {
    const child = spawn("bash", ["-c", `exec ${command}`], { cwd, env: { ...env, PORT: String(port) } });
    const ended = once(child, "close");
    onTestFinished(async () => {
      child.kill();
      await ended;
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    await waitFor(() => output.includes(`answers on http://127.0.0.1:${port}`), {
      describe: `${command} to answer`,
    });
  };

  /** How long the topic of the articles is, in events, and how many of them the pool has still to do. */
  const position = () =>
    kafkaAdmin([...system.brokers], async (admin) => {
      await admin.describeCluster(); // kafkajs looks for a coordinator only among brokers that it has heard of
      const partitions = await groupLag(admin, system.groups.teams, ["article.events.v1"]);
      const sum = (of: "high" | "lag") => partitions.reduce((total, each) => total + Number(each[of]), 0);
      return { end: sum("high"), lag: sum("lag") };
    });

  const blocks = codeBlocks("docs/tutorial.md");
  for (const [index, { note, text, language }] of blocks.entries()) {
    if (note.startsWith("from ")) {
      const path = note.slice("from ".length);
      expect(text, "the whole file stands on the page").toBe(read(path));
      const to = join(folder, path.slice(files.length));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, text);
    }
    if (note !== mine || language !== "sh") continue;
    const next = blocks[index + 1];
    if (/main\.js$/.test(text.trim()))
      await start(text.trim(), text.includes("articles") ? articles : authors);
    else if (next?.language === "text") {
      const expected = masked(next.text);
      await waitFor(
        async () => {
          expect(masked(await run(text))).toBe(expected);
          return true;
        },
        { timeoutMs: 60_000, describe: `${text}to print\n${next.text}` },
      );
    } else if (text.includes("-X PUT")) {
      // A reader of the page is slower than the bus, which this must not outrun: what it reads next stays cached.
      const before = await position();
      await run(text);
      const done = async () => {
        const { end, lag } = await position();
        return end > before.end && lag === 0;
      };
      await waitFor(done, {
        timeoutMs: 60_000,
        describe: `the bus to have done the event of\n${text}`,
      });
    } else await run(text);
    if (text.startsWith("cd ~/freshet-tutorial\n")) {
      cwd = folder;
      await system.startInvalidator({ env: { MANIFESTS_DIR: join(folder, "manifests") } });
    }
  }
}, 600_000); // a hang is cut off by it, nothing is measured by it: this compiles, packs and installs

/** Without what differs from run to run: numbers, and the blanks that line columns up. */
function masked(printed: string): string {
  return printed
    .replaceAll(/\d+/g, "#")
    .replaceAll(/[^\S\n]+/g, " ")
    .replaceAll(/ ?\n/g, "\n")
    .trim();
}
