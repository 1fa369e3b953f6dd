// Makes the secrets that are not there yet, each in the folder (a volume) that its readers share:
// node secrets.mjs <folder>
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? "secrets";

/** @type {Record<string, () => Record<string, string>>} folder → its files; they are made together or not at all */
const secrets = {
  database: () => {
    const password = random();
    return { password, url: `postgres://freshet:${password}@postgres:5432/freshet` };
  },
  internal: () => ({ token: random() }),
  admin: () => ({ token: random() }),
  grafana: () => ({ password: random() }),
};

for (const [name, make] of Object.entries(secrets)) {
  const files = Object.entries(make()).map(([file, value]) => ({ path: join(folder, name, file), value }));
  const missing = files.filter(({ path }) => !existsSync(path));
  if (missing.length > 0 && missing.length < files.length)
    throw new Error(
      `${name}: ${missing.map(({ path }) => path).join(", ")} is missing; write it, or empty the volume`,
    );
  // Readable by all: who mounts the volume is who may read it, and its readers run under different users.
  for (const { path, value } of missing) writeFileSync(path, value, { mode: 0o444 });
  console.log(`${name}: ${missing.length > 0 ? "made" : "there already"}`);
}

function random() {
  return randomBytes(32).toString("hex");
}
