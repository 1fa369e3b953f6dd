import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseManifest } from "@freshet/contracts";
import memjs from "memjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Memcached } from "../cache/memcached.ts";
import { peek } from "../cache/raw.ts";
import { manifest, profileCards, type ProfileRow } from "./one-key.ts";

let memcached: Memcached;

beforeAll(async () => {
  memcached = await Memcached.start();
});
afterAll(() => memcached[Symbol.asyncDispose]());

/** A service with a table, a cache of its own on plain memjs, and one key through Freshet. */
function service() {
  const id = randomUUID();
  const rows = new Map<string, ProfileRow>([[id, { id, version: 1, displayName: "Ada" }]]);
  let meanwhile: () => Promise<unknown> = () => Promise.resolve();
  const cards = profileCards(memcached.node.name, async (wanted) => {
    const row = rows.get(wanted);
    await meanwhile();
    return row;
  });
  return {
    id,
    cards,
    existing: memjs.Client.create(memcached.node.name, { retries: 1, failover: false, timeout: 10 }),
    rename: (displayName: string) => {
      const version = (rows.get(id)?.version ?? 0) + 1;
      rows.set(id, { id, version, displayName });
    },
    duringTheNextLoad: (act: () => Promise<unknown>) => {
      meanwhile = () => {
        meanwhile = () => Promise.resolve();
        return act();
      };
    },
  };
}

describe("one key through Freshet beside an existing cache", () => {
  it("is read through, and is new after the writer's delete; the existing keys are left alone", async () => {
    const { id, cards, existing, rename } = service();
    await existing.set(`profile:${id}`, "as before", { expires: 60 });
    expect(await cards.get(id)).toEqual({ id, displayName: "Ada" });
    rename("Ada Lovelace");
    expect(await cards.changed(id)).toBe(true);
    expect(await cards.get(id)).toEqual({ id, displayName: "Ada Lovelace" });
    expect(await peek(memcached.port, `profile:${id}`)).toBe("as before");
    existing.close();
    cards.close();
  });

  it("refuses the old row of a slow reader, which the existing cache would keep", async () => {
    const { id, cards, existing, rename, duringTheNextLoad } = service();
    duringTheNextLoad(async () => {
      rename("Ada Lovelace");
      await cards.changed(id);
      // The same race by hand: the reader has loaded "Ada", the writer deletes, the reader sets.
      await existing.delete(`profile:${id}`);
      await existing.set(`profile:${id}`, "Ada", { expires: 60 });
    });
    expect(await cards.get(id)).toMatchObject({ displayName: "Ada" });
    expect(await cards.get(id)).toMatchObject({ displayName: "Ada Lovelace" });
    expect(await peek(memcached.port, `profile:${id}`)).toBe("Ada");
    existing.close();
    cards.close();
  });

  it("has the manifest that the document shows", () => {
    const file = new URL("profile-cards.yaml", import.meta.url);
    expect(parseManifest(parse(readFileSync(file, "utf8")), file.pathname)).toEqual(manifest);
  });
});
