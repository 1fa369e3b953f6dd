import { Writable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";

const hostile = "42\u001b[2J\u0008\r\u007f\u009b31m\u202e\u2028end";

test("a JSON line carries the value unchanged and holds no control character itself", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (id) => {
      const line = written(false, id).trimEnd();
      expect(line).not.toMatch(controls);
      expect((JSON.parse(line) as { id: string }).id).toBe(id);
    }),
  );
  expect(written(false, hostile)).toContain("\\u001b[2J");
});

test("a pretty line shows controls of a logged value as text, whatever the value", () => {
  const plain = written(true, "42");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (id) => {
      expect(written(true, id).replace(colours, "")).not.toMatch(controls);
    }),
  );
  const shown = written(true, hostile);
  expect(shown).toContain("\\u001b[2J");
  expect(shown.match(colours)).toHaveLength(plain.match(colours)?.length ?? 0);
});

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const colours = /\u001b\[\d+m/g;

function written(pretty: boolean, id: string): string {
  let text = "";
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  createLogger({ name: "test", level: "info", pretty, destination }).info({ id }, `profile ${id} changed`);
  return text;
}
