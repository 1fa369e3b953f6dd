import { spawnSync } from "node:child_process";
import { mkdirSync, openSync, closeSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const sizeMb = 64;

/** A folder on a file system of 64 MB of its own, which a test can fill. Mounting takes root. */
export class SmallDisk implements Disposable {
  readonly folder: string;
  readonly #ballast: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#ballast = join(folder, "ballast");
  }

  /** Mounts it, or says why that is not possible here. */
  static mount(folder: string): SmallDisk | { readonly missing: string } {
    mkdirSync(folder, { recursive: true });
    const { status, stderr, error } = spawnSync(
      "mount",
      ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "freshet-small-disk", folder],
      { encoding: "utf8" },
    );
    if (status === 0) return new SmallDisk(folder);
    return {
      missing: `no file system of ${sizeMb} MB can be mounted: ${error?.message ?? stderr.trim()}`,
    };
  }

  /** Leaves no byte free. */
  fill(): void {
    const file = openSync(this.#ballast, "a");
    try {
      for (const bytes of [1_048_576, 4_096]) {
        const block = Buffer.alloc(bytes);
        while (hasRoomFor(file, block));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives the room back. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  [Symbol.dispose](): void {
    spawnSync("umount", ["--lazy", this.folder]);
  }
}

function hasRoomFor(file: number, block: Buffer): boolean {
  try {
    return writeSync(file, block) === block.length;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}
