// A project of somebody else: an empty folder outside the repository, into which the packages are installed from their
// tarballs, as npm would install them from a registry.
import { execFile, type ExecFileException } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "../../scripts/pack.mjs";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Packed = Awaited<ReturnType<typeof pack>>[number];

export class OutsideProject implements Disposable {
  readonly folder: string;
  /** What was installed from tarballs. */
  readonly packages: readonly Packed[];
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(
    folder: string,
    packages: readonly Packed[],
    environment: Readonly<Record<string, string>>,
  ) {
    this.folder = folder;
    this.packages = packages;
    this.#environment = environment;
  }

  /**
   * Every published package, as built now, and `dependencies` of npm's registry, from npm's cache where it has them.
   * Commands see `environment` beside the path.
   */
  static async create(
    dependencies: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<OutsideProject> {
    const folder = mkdtempSync(join(tmpdir(), "freshet-outside-"));
    const packages = await pack(join(folder, "tarballs"));
    writeFileSync(join(folder, "package.json"), '{ "name": "outside", "private": true, "type": "module" }\n');
    const project = new OutsideProject(folder, packages, environment);
    const tarballs = packages.map(({ filename }) => `./tarballs/${filename}`);
    const quick = ["--prefer-offline", "--no-audit", "--no-fund"];
    await project.succeed("npm", "install", ...quick, ...tarballs, ...dependencies);
    return project;
  }

  /** Runs a command in the project to its end. */
  run(command: string, ...args: readonly string[]): Promise<Ended> {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...this.#environment };
    return new Promise((resolve) => {
      const options = { cwd: this.folder, env, maxBuffer: 16 * 1_048_576 };
      execFile(command, args, options, (error: ExecFileException | null, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
    });
  }

  /** As `run`; rejects with its output unless the exit code is 0. */
  async succeed(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code !== 0)
      throw new Error(`${[command, ...args].join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
