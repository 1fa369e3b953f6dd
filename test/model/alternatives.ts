import type { PromiseName } from "./model.ts";
import { type Bounds, plainKeys, type Protocol, refreshedKeys, taggedValues } from "./protocol.ts";

/** A protocol that is not ours, and a shortest way to break it. */
export interface Alternative {
  readonly name: string;
  readonly protocol: Protocol;
  readonly breaks: PromiseName;
  readonly trace: readonly string[];
}

/** Large enough for every one of them. */
export const smallWorld: Bounds = { readers: 2, refreshers: 1, versions: 3, late: 1 };

const withoutLease: Protocol = { ...plainKeys, read: ["lookUp", "load", "fill"] };

/** "What the alternatives break" of docs/cache-protocol.md, and what else its steps are there for. */
export const alternatives: readonly Alternative[] = [
  {
    name: "set after the load",
    protocol: { ...withoutLease, fill: "set" },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: delete, version 2 acknowledged",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "add after the load",
    protocol: { ...withoutLease, fill: "add" },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: delete, version 2 acknowledged",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "comparing versions without a lease",
    protocol: { ...withoutLease, fill: "setIfNewer" },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: delete, version 2 acknowledged",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "a lease that is taken after the snapshot began",
    protocol: { ...plainKeys, read: ["lookUp", "load", "claim", "fill"] },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: delete, version 2 acknowledged",
      "reader 1: claim",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "a lease that is checked after the load by its id",
    protocol: { ...plainKeys, fill: "setIfOwnLease", repeatsAdds: true },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim, timed out",
      "reader 1: claim",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: delete, version 2 acknowledged",
      "memcached: late add stored",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "a stub without a life",
    protocol: { ...plainKeys, stubsExpire: false, fillsOverLeases: false },
    breaks: "cachedAgain",
    trace: ["reader 1: lookUp, absent", "reader 1: claim", "reader 1: crash"],
  },
  {
    name: "a tombstone without a lease",
    protocol: { ...withoutLease, fill: "add", invalidation: "tombstone" },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: tombstone, version 2 acknowledged",
      "memcached: tombstone evicted",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "a refresh by a blind set",
    protocol: { ...refreshedKeys, refresh: "set" },
    breaks: "I3",
    trace: [
      "writer: commit, version 2",
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "refresh 1 of version 2: lookUp, captured",
      "refresh 1 of version 2: load, version 2",
      "writer: commit, version 3",
      "reader 1: load, version 3",
      "reader 1: fill, version 3 stored",
      "refresh 1 of version 2: renew, version 2 stored",
    ],
  },
  {
    name: "a refresh that takes EXISTS for done",
    protocol: { ...refreshedKeys, refresh: "existsIsDone" },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "refresh 1 of version 2: lookUp, captured",
      "reader 1: fill, version 1 stored",
      "refresh 1 of version 2: load, version 2",
      "refresh 1 of version 2: renew, version 2 exists",
    ],
  },
  {
    name: "a refresh that captures the CAS unique after the load",
    protocol: { ...refreshedKeys, refresh: "captureAfterLoad" },
    breaks: "I1",
    trace: [
      "writer: commit, version 2",
      "reader 1: lookUp, absent",
      "refresh 1 of version 2: load, version 2",
      "writer: commit, version 3",
      "invalidator: delete, version 3 acknowledged",
      "reader 1: claim",
      "refresh 1 of version 2: lookUp, captured",
      "refresh 1 of version 2: renew, version 2 stored",
    ],
  },
  {
    name: "tags captured after the load",
    protocol: { ...taggedValues, read: ["lookUp", "claim", "load", "captureTags", "fill"] },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: deleteTag, version 2 acknowledged",
      "reader 1: captureTags, added",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "counters for tags",
    protocol: { ...taggedValues, invalidation: "incrementTag" },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "reader 1: captureTags, added",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "reader 1: fill, version 1 stored",
      "reader 1: lookUp, too_old",
      "invalidator: incrementTag, version 2 acknowledged",
      "memcached: tag evicted",
      "reader 1: captureTags, added",
    ],
  },
  {
    name: "a tag token that is sent again",
    protocol: { ...taggedValues, repeatsAdds: true },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "reader 1: captureTags, timed out",
      "reader 1: captureTags, added",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "reader 1: fill, version 1 stored",
      "invalidator: deleteTag, version 2 acknowledged",
      "memcached: late addTag stored",
    ],
  },
  {
    name: "acknowledging a delete that timed out",
    protocol: { ...plainKeys, acknowledgesTimeOuts: true },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "reader 1: fill, version 1 stored",
      "invalidator: delete, version 2 timed out",
    ],
  },
  {
    name: "clients that fail over to another node and come back",
    protocol: { ...plainKeys, failsOver: true },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "reader 1: fill, version 1 stored",
      "memcached: the first node is away",
      "invalidator: delete, version 2 acknowledged",
      "memcached: the first node is back",
    ],
  },
  {
    name: "no check of the connection",
    protocol: { ...plainKeys, checksConnection: false },
    breaks: "I1",
    trace: [
      "reader 1: lookUp, absent",
      "reader 1: claim",
      "reader 1: load, version 1",
      "writer: commit, version 2",
      "invalidator: delete, version 2 acknowledged",
      "reader 2: lookUp, absent",
      "memcached: restarted",
      "reader 2: claim",
      "reader 1: fill, version 1 stored",
    ],
  },
  {
    name: "loads from a replica without the gate",
    protocol: { ...plainKeys, loadsFrom: "replica" },
    breaks: "I1",
    trace: [
      "writer: commit, version 2",
      "reader 1: lookUp, absent",
      "invalidator: delete, version 2 acknowledged",
      "reader 1: claim",
      "reader 1: load, version 1",
      "reader 1: fill, version 1 stored",
    ],
  },
];
