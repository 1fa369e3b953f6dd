// The commands of README.md, as they stand there but for the port.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { codeBlocks } from "../../scripts/docs/documents.ts";
import { freshet } from "../support/cli.ts";
import { System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

const manifests = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));

test("the three commands of README.md create a profile, read it from the cache, and change it", async () => {
  const system = await System.create();
  const [service, invalidator] = await Promise.all([
    system.startService(),
    system.startInvalidator({ env: { REFRESH: "on" } }),
  ]);
  const block = codeBlocks("README.md").find(({ note }) => note === "run by test/e2e/readme.spec.ts");
  const [create = "", read = "", change = "", ...others] = (block?.text ?? "").trim().split("\n");
  expect(others).toEqual([]);
  const run = async (command: string) => {
    expect(command).toContain("http://127.0.0.1:3000/");
    const here = command.replaceAll("http://127.0.0.1:3000", service.url);
    const { stdout } = await promisify(execFile)("bash", ["-c", here]);
    return stdout;
  };

  expect(JSON.parse(await run(create))).toMatchObject({ id: "42", displayName: "Ada", version: 1 });
  // The event of the creation deletes the key once more; the copy stays when it has passed.
  const hit = await waitFor(async () => /^x-cache: HIT\b/im.exec(await run(read)), {
    describe: "the second command to answer HIT",
  });
  expect(hit).toBeTruthy();
  expect(JSON.parse(await run(change))).toMatchObject({ displayName: "Ada Lovelace", version: 2 });
  await waitFor(async () => (await run(read)).includes('"displayName":"Ada Lovelace"'), {
    describe: "the second command to answer the new name",
  });
  // Not by chance: nobody else could have changed the cached copy, whose life is an hour.
  const metrics = await (await fetch(`${invalidator.url}/metrics`)).text();
  expect(metrics).toMatch(
    /^freshet_refreshes_total\{pool="profiles",view="user_profile",result="\w+"\} [1-9]/m,
  );

  // What README.md has `freshet` ask, asked here: the real invalidator and its groups.
  const [, deployment = ""] = system.groups.profiles.split(".");
  const env = { KAFKA_BROKERS: system.brokers.join(","), DEPLOYMENT: deployment, MANIFESTS_DIR: manifests };
  const status = await freshet(["status", "--url", invalidator.url, "--json"], { env });
  expect(status.exitCode).toBe(0);
  expect(JSON.parse(status.stdout)).toMatchObject({
    status: { pools: [{ pool: "profiles", state: "running" }, { pool: "teams" }] },
    readiness: { status: "ok" },
    problems: [],
  });
  const lag = await freshet(["lag", "--json"], { env });
  expect(lag.exitCode).toBe(0);
  expect(JSON.parse(lag.stdout)).toMatchObject({
    pools: [
      { pool: "profiles", group: system.groups.profiles, state: "Stable", members: [{}] },
      { pool: "teams" },
    ],
    problems: [],
  });
});
