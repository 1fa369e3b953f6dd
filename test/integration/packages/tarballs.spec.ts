// The published packages, as somebody else gets them: installed from their tarballs outside the repository.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { codeBlocks } from "../../../scripts/docs/documents.ts";
import { freshDatabase } from "../../support/database.ts";
import { OutsideProject } from "../../support/outside-project.ts";

const examples = fileURLToPath(new URL("../../../docs/examples/typescript", import.meta.url));
const license = readFileSync(new URL("../../../LICENSE", import.meta.url), "utf8");
const typescript = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
const [node = ""] = inject("memcachedNodes");

let outside: OutsideProject;

beforeAll(async () => {
  outside = await OutsideProject.create(["pg", "zod", "drizzle-orm", "@types/node@20", "@types/pg"], {
    DATABASE_URL: await freshDatabase(),
    KAFKA_BROKERS: inject("kafkaBrokers").join(","),
    MEMCACHED_NOTES: node,
  });
  const files = readdirSync(examples);
  for (const file of files)
    cpSync(join(examples, file), join(outside.folder, file.endsWith(".ts") ? "src" : ".", file));
  const manifests = join(outside.folder, "manifests");
  mkdirSync(manifests);
  writeFileSync(join(manifests, "pools.yaml"), `freshet: 1\npools:\n  notes: { nodes: ["${node}"] }\n`);
});
afterAll(() => {
  outside[Symbol.dispose]();
});

const published = z.strictObject({
  name: z.string().startsWith("@freshet/"),
  version: z.string(),
  description: z.string().min(20),
  keywords: z.array(z.string()).min(3),
  license: z.literal("MIT"),
  type: z.literal("module"),
  sideEffects: z.union([z.literal(false), z.array(z.string())]),
  bin: z.record(z.string(), z.string()).optional(),
  exports: z.record(
    z.string(),
    z.union([z.string(), z.strictObject({ types: z.string().optional(), default: z.string() })]),
  ),
  files: z.array(z.string()),
  engines: z.strictObject({ node: z.string() }),
  publishConfig: z.unknown(),
  dependencies: z.record(z.string(), z.string().regex(/^[\^~]\d/)),
  peerDependencies: z.record(z.string(), z.string()).optional(),
  peerDependenciesMeta: z.record(z.string(), z.strictObject({ optional: z.literal(true) })).optional(),
});

const text = (...path: string[]) => readFileSync(join(outside.folder, ...path), "utf8");

describe("the tarballs", () => {
  const installed = () => outside.packages.map((one) => ({ ...one, at: join("node_modules", one.name) }));

  it("are those of the libraries and of the command, and what these need", () => {
    expect(outside.packages.map(({ name }) => name).sort()).toEqual(
      ["cache", "cli", "config", "contracts", "dependency-graph", "inspect", "kafka", "outbox"].map(
        (name) => `@freshet/${name}`,
      ),
    );
  });

  it("hold what is run, its sources, a README and the licence: no tests, nothing that only the workspace knows", () => {
    for (const { name, files, at } of installed()) {
      const own = files.filter((path) => !/^(dist|src|bin|schemas)\//.test(path));
      expect(own, name).toEqual(["LICENSE", "README.md", "package.json"]);
      expect(
        files.filter((path) => /\.spec\.|\.tsbuildinfo$|tsconfig/.test(path)),
        name,
      ).toEqual([]);
      expect(text(at, "LICENSE")).toBe(license);
      const {
        exports,
        peerDependencies = {},
        peerDependenciesMeta = {},
      } = published.parse(JSON.parse(text(at, "package.json")));
      expect(Object.keys(peerDependenciesMeta)).toEqual(Object.keys(peerDependencies));
      for (const target of Object.values(exports).flatMap((entry) =>
        typeof entry === "string" ? [entry] : Object.values(entry).filter((path) => path !== undefined),
      ))
        expect(existsSync(join(outside.folder, at, target)), `${name}: ${target}`).toBe(true);
    }
  });

  it("declare types by what they bring along: another package's would be read as any", () => {
    // The command has no types for anybody.
    for (const { name, files, at } of installed().filter((one) => one.name !== "@freshet/cli")) {
      const { dependencies, peerDependencies } = published.parse(JSON.parse(text(at, "package.json")));
      const brought = new Set([name, ...Object.keys({ ...dependencies, ...peerDependencies })]);
      const imported = files
        .filter((path) => path.endsWith(".d.ts") && !path.includes("/conformance/"))
        .flatMap((path) => [...text(at, path).matchAll(/(?:from|import\()\s*"([^".][^"]*)"/g)])
        .map(([, from = ""]) => /^(@[^/]+\/)?[^/]+/.exec(from)?.[0] ?? "")
        .filter((from) => !from.startsWith("node:") && !brought.has(from));
      expect(imported, name).toEqual([]);
    }
  });

  it("bring no Nest and no metrics library", () => {
    const modules = readdirSync(join(outside.folder, "node_modules"));
    expect(modules.filter((name) => /^@nestjs$|^prom-client$|^@opentelemetry$|^rxjs$/.test(name))).toEqual(
      [],
    );
  });
});

describe("a project outside the repository", () => {
  const sh = (line: string) => outside.run("bash", "-c", line);

  it("compiles under nodenext; deep imports do not", async () => {
    await outside.succeed(process.execPath, typescript, "--project", ".");
  });

  it("can't import a file that is no entry of a package", async () => {
    const deep = 'import("@freshet/cache/dist/pool.js").catch(({ code }) => console.log(code))';
    const { stdout } = await outside.run(process.execPath, "--input-type=module", "--eval", deep);
    expect(stdout).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
  });

  it("exports its manifest, makes its topics, and writes, publishes, reads and invalidates on real servers", async () => {
    const manifest = "manifests/note-service.yaml";
    const from = [
      "dist/contract.js",
      "--schema",
      "node_modules/@freshet/contracts/schemas/manifest.schema.json",
    ];
    await outside.succeed("npx", "freshet", "manifests", "export", ...from, "--out", manifest);
    const [, schema = ""] = /\$schema=(.+)/.exec(text(manifest)) ?? [];
    expect(existsSync(join(outside.folder, "manifests", schema))).toBe(true);
    const topics = ["topics", "ensure", "--manifests", "manifests", "--partitions", "1"];
    await outside.succeed("npx", "freshet", ...topics);
    expect(await outside.succeed(process.execPath, "dist/main.js")).toBe(
      "written, published, read, invalidated, read anew\n",
    );
  });

  it("runs the commands that the README of the command shows", async () => {
    const [block] = codeBlocks("apps/cli/README.md");
    const [exported = "", checked = "", planned = "", behind = ""] = (block?.text ?? "").trim().split("\n");
    await outside.succeed(
      process.execPath,
      "--input-type=module",
      "--eval",
      'import { writeFileSync } from "node:fs"; import { handedOver } from "./dist/plan.js"; writeFileSync("event.json", JSON.stringify(handedOver))',
    );
    expect(await sh(exported)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await sh(checked)).toMatchObject({ code: 0, stdout: "ok manifests: 1 event, 2 views, 1 pool\n" });
    const plan = await sh(planned);
    expect(plan.code).toBe(0);
    for (const key of ["note:7", "notes_of_owner:ada", "notes_of_owner:grace"])
      expect(plan.stdout).toContain(` ${key} `);
    const lag = await sh(behind);
    expect(lag.stdout).toContain("note.events.v1");
  });
});
