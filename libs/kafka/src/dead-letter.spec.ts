import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { toCutDeadLetter, toDeadLetter } from "./dead-letter.ts";

const context = { topic: "t", partition: 3, reason: "not_json", pool: "profiles", attempt: 2 };

function record(value: Buffer, headers: Record<string, Buffer> = {}, key: Buffer | null = Buffer.from("42")) {
  return { key, value, headers, offset: "17", timestamp: "0", attributes: 0 };
}

test("a letter keeps key, value bytes and headers and adds where and why", () => {
  const value = Buffer.from([0xff, 0x00, 0x7b]);
  const letter = toDeadLetter(record(value, { ce_id: Buffer.from("x") }), context);
  expect(letter).toEqual({
    topic: "t.dlt",
    key: Buffer.from("42"),
    value,
    headers: {
      ce_id: Buffer.from("x"),
      "freshet-reason": "not_json",
      "freshet-pool": "profiles",
      "freshet-topic": "t",
      "freshet-partition": "3",
      "freshet-offset": "17",
      "freshet-attempt": "2",
    },
  });
});

test("a publisher's own freshet headers do not pass for ours", () => {
  const forged = { "freshet-sha256": Buffer.from("00"), "freshet-offset": Buffer.from("0") };
  const { headers } = toDeadLetter(record(Buffer.from("x"), forged), context);
  expect(headers?.["freshet-sha256"]).toBeUndefined();
  expect(headers?.["freshet-offset"]).toBe("17");
});

test("a cut letter is small whatever was big, and names size and hash of the whole value", () => {
  const value = Buffer.alloc(2_000_000, "v");
  const headers = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`h${i}`, Buffer.alloc(5_000)]));
  const letter = toCutDeadLetter(record(value, headers, Buffer.alloc(900_000)), context);
  expect(letter.headers).toMatchObject({
    "freshet-size": "2000000",
    "freshet-sha256": createHash("sha256").update(value).digest("hex"),
    "freshet-offset": "17",
  });
  expect(JSON.stringify(letter).length).toBeLessThan(200_000);
});
