// The commands of docs/runbooks, as they stand there but for ports and addresses, on a system that is well.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { codeBlocks, documents } from "../../scripts/docs/documents.ts";
import { System } from "../support/system.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const runbooks = documents.filter((path) => path.startsWith("docs/runbooks/"));
const commands = new Set(
  [...runbooks, "docs/cli.md"]
    .flatMap((page) => codeBlocks(page))
    .filter(({ note }) => note === "run by test/e2e/runbooks.spec.ts")
    .flatMap(({ text }) => text.trim().split("\n")),
);

/** What a command must show for an operator to have learnt something; each kind of command has its line here. */
const shows: readonly (readonly [command: RegExp, output: RegExp])[] = [
  [/ freshet -- lag$/, /profile\.events\.v1/],
  [/ freshet -- status$/, /profiles/],
  // It ends with 0, as every command here: nothing is a problem, the services included.
  [/ freshet -- doctor --service http/, /^ok +service http:.*\n(.*\n)*0 problems, /m],
  [/ freshet -- topics ensure --dry-run$/, /profile\.events\.v1\.dlt/],
  // A system that is well has no letters; that the topic is there and can be read is what counts.
  // Other specs park letters in the same topic.
  [/ freshet -- dlt list /, /letter/i],
  [/ freshet -- dlt redrive .* --dry-run$/, /^would send \d+ events?/m],
  [/ freshet -- repair .* --dry-run$/, /^would repair \d+ of \d+ rows?$/m],
  [/ freshet -- repair /, /^repaired \d+ of \d+ rows?$/m],
  [/ freshet -- resume --pool profiles$/, /pool profiles was not paused/],
  [/ freshet -- settle /, /is settled on every replica/],
  [/ freshet -- flush /, /pool profiles: flushed 127\.0\.0\.1:\d+, 127/],
  [/ freshet -- manifests check /, /views/],
  [/\/metrics \| grep (freshet_\w+)$/, /^# HELP freshet_\w+ \w/m],
  [/\/health\/ready$/, /"status":"ok"/],
  [/flush_all/, /^OK\r?$/m],
];

let system: System;
let inPlace: (command: string) => string;

beforeAll(async () => {
  system = await System.create();
  const [, invalidator] = await Promise.all([system.startService(), system.startInvalidator()]);
  const flushed = system.nodes[0].address.replace(":", "/");
  inPlace = (command) =>
    command
      .replaceAll("http://127.0.0.1:3001", invalidator.url)
      .replaceAll("http://127.0.0.1:3100", `http://${system.internalAddress}`)
      .replaceAll("/dev/tcp/127.0.0.1/11211", `/dev/tcp/${flushed}`)
      .replace(/freshet -- status$/, `freshet -- status --url ${invalidator.url}`);
});

test("the runbooks have commands", () => {
  expect(runbooks.length).toBeGreaterThan(10);
  expect(commands.size).toBeGreaterThan(10);
});

test.each([...commands])("%s", async (command) => {
  const [, output] = shows.find(([kind]) => kind.test(command)) ?? [];
  expect(output, "say in `shows` what this command must show").toBeDefined();
  const [, deployment = ""] = system.groups.profiles.split(".");
  const { PATH, HOME } = process.env;
  const admin = { ADMIN_URL: system.adminUrl, ADMIN_TOKEN: system.adminToken };
  const env = {
    ...admin,
    ...system.environment,
    DATABASE_URL: system.databaseUrl,
    PATH,
    HOME,
    KAFKA_BROKERS: system.brokers.join(","),
    DEPLOYMENT: deployment,
  };
  const { stdout } = await promisify(execFile)("bash", ["-c", inPlace(command)], { cwd: root, env });
  expect(stdout).toMatch(output ?? "");
});
