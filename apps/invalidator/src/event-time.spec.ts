import { changeEventSchema } from "@freshet/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { timeMs } from "./event-time.ts";

const time = changeEventSchema.shape.time;

test("the time of an event is what Date.parse makes of it, in whatever order and form they come", () => {
  const date = fc.date({
    min: new Date("1970-01-01T00:00:00Z"),
    max: new Date("2100-01-01T00:00:00Z"),
    noInvalidDate: true,
  });
  const form = fc.constantFrom(
    (iso: string) => iso,
    (iso: string) => iso.replace(/\.\d+Z/, "Z"),
    (iso: string) => iso.replace("Z", "123Z"),
    (iso: string) => iso.replace("Z", "+02:00"),
    (iso: string) => iso.replace(/\.\d+Z/, "-11:30"),
  );
  const texts = fc.array(fc.tuple(date, form).map(([at, write]) => write(at.toISOString())));
  fc.assert(
    fc.property(texts, (all) => {
      for (const text of all.flatMap((one) => [one, one])) {
        expect(time.safeParse(text).success).toBe(true);
        expect(timeMs(text)).toBe(Date.parse(text));
      }
    }),
  );
});
