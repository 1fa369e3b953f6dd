import { type Bounds, plainKeys, type Protocol, refreshedKeys, taggedValues } from "./protocol.ts";

/** A protocol that holds, and how large a world it is explored in. */
export interface Ours {
  readonly name: string;
  readonly protocol: Protocol;
  readonly bounds: Bounds;
}

/** Under half a minute, for every run of the tests. */
export const ours: readonly Ours[] = [
  {
    name: "READ and INVALIDATE",
    protocol: plainKeys,
    bounds: { readers: 3, refreshers: 0, versions: 3, late: 2 },
  },
  {
    name: "READ, INVALIDATE and REFRESH",
    protocol: refreshedKeys,
    bounds: { readers: 2, refreshers: 1, versions: 3, late: 1 },
  },
  {
    name: "TAGGED VALUES",
    protocol: taggedValues,
    bounds: { readers: 2, refreshers: 0, versions: 3, late: 1 },
  },
  {
    name: "loads from a replica, behind the gate",
    protocol: { ...plainKeys, loadsFrom: "gatedReplica" },
    bounds: { readers: 2, refreshers: 0, versions: 3, late: 1 },
  },
];

/** Minutes: `npm run model`. */
export const oursAtLength: readonly Ours[] = [
  {
    name: "READ and INVALIDATE",
    protocol: plainKeys,
    bounds: { readers: 4, refreshers: 0, versions: 4, late: 2 },
  },
  {
    name: "READ, INVALIDATE and REFRESH",
    protocol: refreshedKeys,
    bounds: { readers: 2, refreshers: 2, versions: 3, late: 1 },
  },
  {
    name: "TAGGED VALUES",
    protocol: taggedValues,
    bounds: { readers: 2, refreshers: 0, versions: 3, late: 2 },
  },
];
