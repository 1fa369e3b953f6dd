import { describe, expect, it } from "vitest";
import { alternatives, smallWorld } from "./alternatives.ts";
import { check } from "./model.ts";
import { ours } from "./ours.ts";
import { describeExploration } from "./report.ts";

describe("the protocol of docs/cache-protocol.md, whatever its participants do and in whichever order:", () => {
  it.each(ours)("$name keep every promise", ({ name, protocol, bounds }) => {
    const startedAtMs = performance.now();
    const exploration = check(protocol, bounds);
    console.log(describeExploration(name, bounds, exploration, performance.now() - startedAtMs));
    expect(exploration.violation).toBeUndefined();
    expect(exploration.states).toBeGreaterThan(1_000);
  });
});

describe("what the alternatives break, in the same model:", () => {
  it.each(alternatives)("$name breaks $breaks", ({ protocol, breaks, trace }) => {
    const { violation } = check(protocol, smallWorld, { promises: [breaks] });
    expect(violation).toEqual({ promise: breaks, trace });
  });
});
