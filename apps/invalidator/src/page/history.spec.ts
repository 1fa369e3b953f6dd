import { describe, expect, it } from "vitest";
import { History, type Look, slotSeconds } from "./history.ts";

const bounds = [0.01, 0.1, Infinity];
const startMs = 1_763_840_000_000;

/** A look at one pool, so many seconds after the start: ten events a second, each gone within 10 ms. */
function look(second: number, lagSeconds = 0): Look {
  const atMs = startMs + second * 1_000;
  const events = second * 10;
  const gone = { bounds, counts: [events, events, events] };
  const reading = { atMs, lagMessages: lagSeconds * 2, lagSeconds, events, keys: events * 3, gone };
  return { atMs, pools: new Map([["profiles", reading]]) };
}

function seen(seconds: number, lagAt: (second: number) => number = () => 0): History {
  const history = new History();
  for (let second = 0; second <= seconds; second += 1) history.add(look(second, lagAt(second)));
  return history;
}

describe("the page's history", () => {
  it("ends a slot every ten seconds, with rates over all of it", () => {
    const { slots } = seen(30);
    expect(slots.map(({ atMs }) => (atMs - startMs) / 1_000)).toEqual([10, 20, 30]);
    for (const { pools } of slots)
      expect(pools["profiles"]).toMatchObject({ eventsPerSecond: 10, keysPerSecond: 30, goneP99Ms: 9.9 });
  });

  it("keeps the worst lag of a slot, though it lasted one look", () => {
    const { slots } = seen(20, (second) => (second === 14 ? 7 : 0));
    expect(slots.map(({ pools }) => pools["profiles"]?.lagSeconds)).toEqual([0, 7]);
  });

  it("tells the lag of now, not of a moment ago", () => {
    const history = seen(14, (second) => (second === 13 ? 7 : 0));
    expect(history.now().pools["profiles"]).toMatchObject({ lagSeconds: 0, eventsPerSecond: 10 });
  });

  it("tells percentiles of the last minute, and none once it was quiet that long", () => {
    const history = seen(5);
    const quiet = look(5);
    for (let second = 6; second <= 90; second += 1) {
      const atMs = startMs + second * 1_000;
      history.add({ atMs, pools: new Map([...quiet.pools].map(([pool, at]) => [pool, { ...at, atMs }])) });
      const { goneP50Ms } = history.now().pools["profiles"] ?? {};
      if (second < 60) expect(goneP50Ms).toBe(5);
      if (second > 65) expect(goneP50Ms).toBeNull();
    }
  });

  it("keeps an hour", () => {
    const { slots } = seen(3_700);
    expect(slots.length * slotSeconds).toBe(3_600);
    expect(slots.at(-1)?.atMs).toBe(startMs + 3_700_000);
  });

  it("tells of a pool that was opened later, and forgets one that was closed", () => {
    const history = seen(10);
    const teams = look(11).pools.get("profiles");
    if (teams) history.add({ atMs: teams.atMs, pools: new Map([["teams", teams]]) });
    expect(Object.keys(history.now().pools)).toEqual(["teams"]);
  });
});
