// A folder of files as Kubernetes mounts a ConfigMap: links into a version, which a rename exchanges as a whole.
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { ownDir } from "./own-servers.ts";

export class ConfigMap {
  readonly folder = mkdtempSync(join(ownDir(), "config-map-"));
  #version = 0;

  /** Exchanges all files at once; name → text. */
  write(files: Readonly<Record<string, string>>): void {
    const version = `..${++this.#version}`;
    mkdirSync(join(this.folder, version));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, version, name), text);
    symlinkSync(version, join(this.folder, "..data_tmp"));
    renameSync(join(this.folder, "..data_tmp"), join(this.folder, "..data"));
    const linked = readdirSync(this.folder).filter((name) => !name.startsWith(".."));
    for (const name of Object.keys(files))
      if (!linked.includes(name)) symlinkSync(join("..data", name), join(this.folder, name));
    for (const name of linked) if (!(name in files)) rmSync(join(this.folder, name));
    for (const name of readdirSync(this.folder))
      if (/^\.\.\d+$/.test(name) && name !== version && lstatSync(join(this.folder, name)).isDirectory())
        rmSync(join(this.folder, name), { recursive: true });
  }
}
