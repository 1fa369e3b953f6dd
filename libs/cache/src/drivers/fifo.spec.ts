import fc from "fast-check";
import { expect, it } from "vitest";
import { Fifo } from "./fifo.ts";

it("a queue gives back what it was given, in order, through any pushes and shifts", () => {
  const bursts = fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 40 })), { maxLength: 6 });
  fc.assert(
    fc.property(bursts, (steps) => {
      const queue = new Fifo<{ n: number }>();
      const model: { n: number }[] = [];
      let n = 0;
      for (const [pushes, shifts] of steps) {
        for (let i = 0; i < pushes; i++) {
          queue.push({ n });
          model.push({ n: n++ });
        }
        for (let i = 0; i < shifts; i++) {
          expect(queue.first).toEqual(model[0]);
          expect(queue.shift()).toEqual(model.shift());
        }
        expect(queue.size).toBe(model.length);
      }
    }),
  );
});
