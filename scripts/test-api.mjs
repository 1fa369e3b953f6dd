// npm run test:api: schemathesis against profile-service, on servers of the run's own. It makes requests of the OpenAPI
// document, valid and invalid ones, and holds every answer to what the document says.
//   npm run test:api -- [--max-examples 100] [--seed 7]   whatever stands after -- is schemathesis' own
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { installWhatIsMissing } from "./local/install.mjs";
import { Sandbox } from "./local/sandbox.mjs";
import { findSchemathesis } from "./local/schemathesis.mjs";
import { abortAtStopSignals } from "./local/stop-signals.mjs";

const CONFIG = fileURLToPath(new URL("../test/api/schemathesis.toml", import.meta.url));
const HOOKS = fileURLToPath(new URL("../test/api/formats.py", import.meta.url));
const signal = abortAtStopSignals();

try {
  process.exitCode = await testApi();
} catch (error) {
  if (!signal.aborted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = signal.aborted ? 130 : 1;
}

/** Answers schemathesis' exit code. */
async function testApi() {
  const schemathesis = await findSchemathesis(signal);
  if (!(await installWhatIsMissing({ kafka: true, memcached: true }, { allowed: true, signal }))) return 1;
  console.log("building, starting servers of its own …");
  const sandbox = await Sandbox.open("api", { signal });
  try {
    await sandbox.profileService({ env: { RATE_LIMIT_PER_MINUTE: "0" } }).start(signal);
    await createExample(`${sandbox.serviceUrl}/profiles`);
    const run = ["run", `${sandbox.serviceUrl}/docs/json`, "--checks", "all", ...process.argv.slice(2)];
    // Reports and the database of found examples go with the folder.
    const child = spawn(schemathesis, ["--config-file", CONFIG, ...run], {
      stdio: "inherit",
      cwd: sandbox.dir,
      env: { ...process.env, SCHEMATHESIS_HOOKS: HOOKS, PYTHONDONTWRITEBYTECODE: "1" },
      signal,
    });
    const [code] = /** @type {[number | null]} */ (await once(child, "close"));
    return code ?? 1;
  } finally {
    await sandbox.close();
  }
}

/**
 * The profile that the document's examples name: without it most reads would find nothing.
 * @param {string} url
 */
async function createExample(url) {
  const body = JSON.stringify({ id: "42", handle: "ada", displayName: "Ada", teamIds: ["t1"] });
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!answer.ok) throw new Error(`POST ${url}: ${answer.status} ${await answer.text()}`);
}
