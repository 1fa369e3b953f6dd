import fc from "fast-check";
import { expect, test } from "vitest";
import { type AssigneeMember, assignPartitions } from "./assigner.ts";

const topicNames = ["a", "b", "c"];
const partitionsOf = fc.record({ a: count(), b: count(), c: count() });
const members = fc.uniqueArray(
  fc.record({
    memberId: fc.string({ minLength: 1, maxLength: 4 }),
    topics: fc.subarray(topicNames),
    owned: fc.record({ a: owned(), b: owned(), c: owned() }, { requiredKeys: [] }),
  }),
  { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 6 },
);

function count() {
  return fc.nat(9).map((n) => Array.from({ length: n }, (_, index) => index));
}

function owned() {
  return fc.uniqueArray(fc.nat(12), { maxLength: 9 });
}

type Result = ReturnType<typeof assignPartitions>;

function holders(result: Result, topic: string, partition: number): string[] {
  return [...result].filter(([, own]) => own[topic]?.includes(partition) === true).map(([id]) => id);
}

function load(result: Result, memberId: string): number {
  return Object.values(result.get(memberId) ?? {}).reduce((sum, list) => sum + list.length, 0);
}

test("every partition goes to exactly one member that subscribes to its topic, or to none if nobody does", () => {
  fc.assert(
    fc.property(members, partitionsOf, (group, partitions) => {
      const result = assignPartitions(group, partitions);
      for (const [topic, list] of Object.entries(partitions))
        for (const partition of list) {
          const readers = group
            .filter(({ topics }) => topics.includes(topic))
            .map(({ memberId }) => memberId);
          const held = holders(result, topic, partition);
          expect(held).toHaveLength(readers.length === 0 ? 0 : 1);
          expect(readers).toEqual(expect.arrayContaining(held));
        }
    }),
  );
});

test("nothing is assigned that does not exist, and every member has an answer", () => {
  fc.assert(
    fc.property(members, partitionsOf, (group, partitions) => {
      const result = assignPartitions(group, partitions);
      expect([...result.keys()].sort()).toEqual(group.map(({ memberId }) => memberId).sort());
      for (const own of result.values())
        for (const [topic, list] of Object.entries(own))
          expect(partitions[topic as keyof typeof partitions]).toEqual(expect.arrayContaining(list));
    }),
  );
});

test("no single move would make the load more even", () => {
  fc.assert(
    fc.property(members, partitionsOf, (group, partitions) => {
      const result = assignPartitions(group, partitions);
      for (const [memberId, own] of result)
        for (const topic of Object.keys(own))
          for (const other of group.filter(({ topics }) => topics.includes(topic)))
            expect(load(result, memberId) - load(result, other.memberId)).toBeLessThanOrEqual(1);
    }),
  );
});

test("the order in which the members are listed changes nothing", () => {
  fc.assert(
    fc.property(members, partitionsOf, (group, partitions) => {
      expect(assignPartitions([...group].reverse(), partitions)).toEqual(assignPartitions(group, partitions));
    }),
  );
});

test("an assignment that is already even stays as it is", () => {
  fc.assert(
    fc.property(members, partitionsOf, (group, partitions) => {
      const first = assignPartitions(group, partitions);
      const again = group.map((member) => ({ ...member, owned: first.get(member.memberId) ?? {} }));
      expect(assignPartitions(again, partitions)).toEqual(first);
    }),
  );
});

test("a member that leaves gives its partitions away and the others keep theirs", () => {
  const member = (memberId: string, own: number[]): AssigneeMember => ({
    memberId,
    topics: ["a"],
    owned: { a: own },
  });
  const result = assignPartitions([member("x", [0, 1]), member("y", [2, 3])], { a: [0, 1, 2, 3, 4, 5] });
  expect(result.get("x")).toEqual({ a: [0, 1, 4] });
  expect(result.get("y")).toEqual({ a: [2, 3, 5] });
});
