import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MissedOffsets, partitionId } from "./missed-offsets.ts";

const p0 = partitionId("profile.events.v1", 0);
const p1 = partitionId("profile.events.v1", 1);
const nodes = ["a:1", "b:2"];

describe("MissedOffsets", () => {
  it("keeps the oldest offset that each node missed, partition by partition", () => {
    const missed = new MissedOffsets();
    missed.mark(p0, "a:1", 7n);
    missed.mark(p0, "a:1", 5n);
    missed.mark(p0, "a:1", 9n);
    missed.mark(p1, "b:2", 3n);
    expect(missed.of(p0)).toEqual({ "a:1": 5n });
    expect(missed.of(p1)).toEqual({ "b:2": 3n });
    expect(missed.partitionsOf("a:1")).toEqual([p0]);
  });

  it("restores what an earlier owner committed, without nodes that no list names any more", () => {
    const missed = new MissedOffsets();
    missed.restore(p0, { "a:1": 5n, "gone:1": 1n }, nodes);
    expect(missed.of(p0)).toEqual({ "a:1": 5n });
  });

  it("reads * as every node", () => {
    const missed = new MissedOffsets();
    missed.restore(p0, "*", nodes);
    expect(missed.of(p0)).toEqual({ "a:1": 0n, "b:2": 0n });
  });

  it("names a node in commits until its flush is acknowledged", () => {
    const missed = new MissedOffsets();
    missed.mark(p0, "a:1", 5n);
    missed.beginCatchUp("a:1");
    expect(missed.of(p0)).toEqual({ "a:1": 5n });
    missed.endCatchUp("a:1", true);
    expect(missed.of(p0)).toEqual({});
    expect(missed.partitionsOf("a:1")).toEqual([]);
  });

  it("keeps a deletion that failed while the flush was under way", () => {
    const missed = new MissedOffsets();
    missed.mark(p0, "a:1", 5n);
    missed.beginCatchUp("a:1");
    missed.mark(p0, "a:1", 8n);
    expect(missed.of(p0)).toEqual({ "a:1": 5n });
    missed.endCatchUp("a:1", true);
    expect(missed.of(p0)).toEqual({ "a:1": 8n });
  });

  it("raises the mark with what a replay has done, and keeps below it what fails meanwhile", () => {
    const missed = new MissedOffsets();
    missed.mark(p0, "a:1", 5n);
    missed.beginCatchUp("a:1");
    expect(missed.catchingUpFrom(p0, "a:1")).toBe(5n);
    expect(missed.advance(p0, "a:1", 7n)).toBe(true);
    expect(missed.of(p0)).toEqual({ "a:1": 7n });
    missed.mark(p0, "a:1", 12n);
    missed.settle(p0, "a:1");
    expect(missed.of(p0)).toEqual({ "a:1": 12n });
    missed.endCatchUp("a:1", false);
    expect(missed.of(p0)).toEqual({ "a:1": 12n });
  });

  it("does not raise a mark that was taken over anew while the replay was under way", () => {
    const missed = new MissedOffsets();
    missed.mark(p0, "a:1", 5n);
    missed.beginCatchUp("a:1");
    missed.restore(p0, { "a:1": 5n }, nodes);
    expect(missed.advance(p0, "a:1", 9n)).toBe(false);
    missed.settle(p0, "a:1");
    missed.endCatchUp("a:1", true);
    expect(missed.of(p0)).toEqual({ "a:1": 5n });
  });

  it("drops at a settlement what was missed before it, and keeps what was missed or taken over since", () => {
    let nowMs = 100;
    const missed = new MissedOffsets(() => nowMs);
    missed.mark(p0, "a:1", 5n);
    missed.mark(p0, "b:1", 6n);
    missed.restore(p1, { "a:1": 1n }, nodes);
    expect(missed.settleBefore(100)).toEqual([]);
    nowMs = 200;
    missed.mark(p0, "b:1", 9n);
    expect(missed.settleBefore(200)).toEqual([p0, p1]);
    expect(missed.of(p0)).toEqual({ "b:1": 6n });
    expect(missed.of(p1)).toEqual({});
    expect(missed.settleBefore(201)).toEqual([p0]);
  });

  it("forgets a partition that another member owns now", () => {
    const missed = new MissedOffsets();
    missed.mark(p0, "a:1", 5n);
    missed.drop(p0);
    expect(missed.of(p0)).toEqual({});
  });

  it("never names an offset above one that is still owed, whatever the order of marks and failed flushes", () => {
    const step = fc.oneof(
      fc.record({ mark: fc.bigInt(0n, 50n) }),
      fc.constant({ begin: true as const }),
      fc.record({ replayed: fc.bigInt(0n, 50n) }),
      fc.constant({ fail: true as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const missed = new MissedOffsets();
        let [open, aside]: [bigint[], bigint[]] = [[], []];
        for (const each of steps) {
          if ("mark" in each) {
            missed.mark(p0, "a:1", each.mark);
            open.push(each.mark);
          } else if ("begin" in each) {
            missed.beginCatchUp("a:1");
            [open, aside] = [[], [...aside, ...open]];
          } else if ("replayed" in each) {
            missed.advance(p0, "a:1", each.replayed);
            aside = aside.map((offset) => (offset < each.replayed ? each.replayed : offset));
          } else {
            missed.endCatchUp("a:1", false);
            [open, aside] = [[...open, ...aside], []];
          }
          const owed = [...open, ...aside];
          const oldest =
            owed.length === 0 ? undefined : owed.reduce((one, other) => (other < one ? other : one));
          expect(missed.of(p0)["a:1"]).toBe(oldest);
        }
      }),
    );
  });
});
