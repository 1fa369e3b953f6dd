import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { ensureDatabase } from "../../scripts/local/postgres.mjs";

/** Creates an empty database of the spec's own and answers its connection string. */
export async function freshDatabase(serverUrl: string = inject("databaseUrl")): Promise<string> {
  const name = `spec_${randomBytes(5).toString("hex")}`;
  await ensureDatabase(serverUrl, name);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
