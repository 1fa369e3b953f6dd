import { readFileSync } from "node:fs";
import fc from "fast-check";
import memjs from "memjs";
import { describe, expect, it } from "vitest";
import { parseNodeList, parseNodeLists } from "./node-list.ts";
import { createTopology } from "./topology.ts";

/** Written by ketama.py with libmemcached itself. */
const vectors = JSON.parse(readFileSync(new URL("../../vectors/ketama.json", import.meta.url), "utf8")) as {
  keyPatterns: string[];
  keysPerPattern: number;
  lists: { nodes: string; owners: string }[];
};
const vectorKeys = vectors.keyPatterns.flatMap((pattern) =>
  Array.from({ length: vectors.keysPerPattern }, (_, i) => pattern.replace("%d", String(i))),
);

describe("ketama", () => {
  it.each(vectors.lists)(
    "gives each key the owner that libmemcached gives it: $nodes",
    ({ nodes, owners }) => {
      const parsed = parseNodeList(nodes);
      const { ownerOf } = createTopology("ketama", parsed);
      const ours = vectorKeys.map((key) => parsed.indexOf(ownerOf(key)).toString(36)).join("");
      expect(ours).toBe(owners);
    },
  );

  it("has one hash for a list in any order, another for other weights", () => {
    const hash = (list: string) => createTopology("ketama", parseNodeList(list)).hash;
    expect(hash("b:1:2,a:1")).toBe(hash("a:1:1,b:1:2"));
    expect(hash("a:1,b:1:2")).not.toBe(hash("a:1,b:1"));
    expect(hash("a:1")).toMatch(/^[0-9a-f]{8}$/);
  });
});

describe("modulo", () => {
  it("gives each key the owner that memjs gives it", () => {
    const nodes = parseNodeList("a:1,b:1,c:1");
    const { ownerOf } = createTopology("modulo", nodes);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (key) => {
        expect(nodes.indexOf(ownerOf(key))).toBe(memjs.Utils.hashCode(key) % 3);
      }),
    );
  });

  it("has another hash for another order, since the order decides who owns what", () => {
    const hash = (list: string) => createTopology("modulo", parseNodeList(list)).hash;
    expect(hash("a:1,b:1")).not.toBe(hash("b:1,a:1"));
    expect(hash("a:1,b:1")).not.toBe(createTopology("ketama", parseNodeList("a:1,b:1")).hash);
  });

  it("refuses weights", () => {
    expect(() => createTopology("modulo", parseNodeList("a:1:2"))).toThrow(
      expect.objectContaining({ code: "CACHE_NODES_INVALID" }),
    );
  });
});

describe("a node list", () => {
  it("is host:port[:weight] separated by commas, or the entries of such a list", () => {
    const expected = [
      { name: "cache-1:11211", host: "cache-1", port: 11_211, weight: 1 },
      { name: "10.0.0.2:11212", host: "10.0.0.2", port: 11_212, weight: 3 },
    ];
    expect(parseNodeList("cache-1:11211, 10.0.0.2:11212:3")).toEqual(expected);
    expect(parseNodeList(["cache-1:11211", "10.0.0.2:11212:3"])).toEqual(expected);
    expect(parseNodeLists("cache-1:11211,10.0.0.2:11212:3;")).toEqual([expected]);
    expect(parseNodeLists("")).toEqual([]);
  });

  it.each([
    ["", '"" is not host:port'],
    ["cache-1", '"cache-1" is not host:port'],
    ["cache-1:11211,", '"" is not host:port'],
    ["a:0", "a:0: the port must be"],
    ["a:65536", "a:65536: the port must be"],
    ["a:1:0", "a:1:0: the weight must be"],
    ["a:1:-1", '"a:1:-1" is not host:port'],
    ["a:1,b:1,a:1:2", "a:1 is listed twice"],
  ])("that reads %j is refused, naming the entry", (list, message) => {
    expect(() => parseNodeList(list)).toThrow(message);
    expect(() => parseNodeList(list)).toThrow(expect.objectContaining({ code: "CACHE_NODES_INVALID" }));
  });
});
