import { defineChangeEvent } from "@freshet/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { createOutbox, maxPayloadBytes } from "./outbox.ts";
import { drizzleTransaction } from "./transaction.ts";
import { uuidV7 } from "./uuid-v7.ts";

const NoteChanged = defineChangeEvent({
  type: "NoteChanged",
  entity: "note",
  topic: "note.events.v1",
  fields: ["text"],
  routing: z.object({ text: z.string() }),
});
const outbox = createOutbox({ source: "notes" });

function recording() {
  const statements: { sql: string; params: unknown[] }[] = [];
  return {
    statements,
    query: (sql: string, params: unknown[]) => Promise.resolve(statements.push({ sql, params })),
  };
}
const add = (text: string, id = "1", tx = recording()) =>
  outbox.add(tx, NoteChanged, { id, version: 1, before: null, after: { text } });

test("an event may have 65,536 bytes and not one more", async () => {
  const overhead = Buffer.byteLength(JSON.stringify(await add("")));
  const largest = "x".repeat(maxPayloadBytes - overhead);
  await expect(add(largest)).resolves.toBeDefined();
  const tx = recording();
  await expect(add(`${largest}x`, "1", tx)).rejects.toMatchObject({ code: "OUTBOX_EVENT_TOO_LARGE" });
  expect(tx.statements).toEqual([]);
});

test.each([
  ["empty", ""],
  ["of 1,025 bytes", "x".repeat(1_025)],
  ["of 1,026 bytes in 513 characters", "é".repeat(513)],
  ["with a NUL, which PostgreSQL cannot hold", "a\0b"],
  ["with a lone surrogate, which UTF-8 cannot hold", "a\ud800"],
])("an id %s is refused", async (_, id) => {
  await expect(add("", id)).rejects.toMatchObject({ code: "EVENT_INVALID" });
});

test("ids are UUIDs v7: the time is in front, so that they sort by it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 2 }), (nowMs) => {
      const id = uuidV7(nowMs);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(nowMs);
      expect(id < uuidV7(nowMs + 1)).toBe(true);
    }),
  );
});

test("a drizzle transaction gets the statement's text around its values, each once and in order", async () => {
  const seen: unknown[] = [];
  const tag = (strings: TemplateStringsArray, ...values: unknown[]) => ({ strings: [...strings], values });
  const tx = { execute: (query: ReturnType<typeof tag>) => Promise.resolve(seen.push(query)) };
  await drizzleTransaction(tx, tag).query("INSERT INTO t (a, b) VALUES ($1, $2)", ["x", "$1"]);
  expect(seen).toEqual([{ strings: ["INSERT INTO t (a, b) VALUES (", ", ", ")"], values: ["x", "$1"] }]);
});
