// What a nemesis does and when, as plain data that follows from a seed: nothing here touches a process.
import { crashPoints } from "../crash-points.ts";
import { Deck, seededRandom } from "../seeded-random.ts";

/** Every kind of fault, with the things that it can happen to. Those of one schedule each hit another thing. */
const targetsOf = {
  "service killed": ["service 0", "service 1"],
  "service frozen": ["service 0", "service 1"],
  "service cut off from its database": ["link of service 0"],
  "invalidator killed": ["invalidator 0", "invalidator 1"],
  "invalidator frozen": ["invalidator 0", "invalidator 1"],
  "members come and go": ["group"],
  "broker killed": ["broker"],
  "broker frozen": ["broker"],
  "broker's disk full": ["broker"],
  "acks lost": ["link of the broker"],
  "database killed": ["database"],
  "database restarted": ["database"],
  "database frozen": ["database"],
  "node restarted": ["node 0", "node 1", "node 2", "node of teams"],
  "node away": ["node 0", "node 1", "node 2", "node of teams"],
  "node frozen": ["node 0", "node 1", "node 2", "node of teams"],
  "node black-holed": ["node 0", "node 1", "node 2", "node of teams"],
  "node unreachable": ["node 0", "node 1", "node 2", "node of teams"],
  "node slow": ["node 0", "node 1", "node 2", "node of teams"],
  "node closes within an answer": ["node 0", "node 1", "node 2", "node of teams"],
  "events doubled": ["topic"],
  "events in another order": ["topic"],
  "old events": ["topic"],
  "events replayed": ["topic"],
  "events that nobody can read": ["topic"],
} as const;

export type FaultKind = keyof typeof targetsOf;
type Target = (typeof targetsOf)[FaultKind][number];
export const faultKinds = Object.keys(targetsOf) as FaultKind[];

/** Where in an app's code it is killed or frozen: the nth passage of a crash point. */
export interface Step {
  readonly step: string;
  readonly nth: number;
}

/** One fault: it begins once so many requests of the schedule have ended, and lasts. */
export interface Fault {
  readonly kind: FaultKind;
  readonly target: Target;
  readonly afterRequests: number;
  /** Until the system has noticed, or for so many requests. */
  readonly lasts: "until noticed" | number;
  /** Only of apps that are killed or frozen; undefined: wherever they are. */
  readonly at: Step | undefined;
}

export interface Schedule {
  readonly seed: number;
  readonly number: number;
  readonly faults: readonly Fault[];
  /** So many profiles besides, all cached, that change at once; undefined: none. */
  readonly crowd?: number;
}

/**
 * The first schedules of a seed, numbered from 1: one to three faults each, every kind once before any comes again. A
 * fault that does not wait to be noticed lasts for 20 to `mostRequests` requests.
 */
export function drawSchedules(seed: number, count: number, mostRequests = 220): Schedule[] {
  const random = seededRandom(seed);
  const upTo = (most: number): number => Math.floor(random() * most);
  const kinds = new Deck(faultKinds, random);
  const held: FaultKind[] = [];
  const drawKind = (isFree: (kind: FaultKind) => boolean): FaultKind => {
    // What does not fit beside the others is kept for the next schedule.
    const kept = held.findIndex(isFree);
    if (kept !== -1) return held.splice(kept, 1)[0] ?? kinds.draw();
    for (;;) {
      const kind = kinds.draw();
      if (isFree(kind)) return kind;
      if (!held.includes(kind)) held.push(kind);
    }
  };
  const drawFault = (taken: Set<Target>): Fault => {
    const free = (kind: FaultKind) => targetsOf[kind].filter((target) => !taken.has(target));
    const kind = drawKind((each) => free(each).length > 0);
    const targets = free(kind);
    const target = targets[upTo(targets.length)] ?? targetsOf[kind][0];
    taken.add(target);
    return {
      kind,
      target,
      afterRequests: upTo(60),
      lasts: random() < 0.4 ? "until noticed" : 20 + upTo(mostRequests - 20),
      at: random() < 0.6 ? stepOf(kind, random) : undefined,
    };
  };
  return Array.from({ length: count }, (_, index): Schedule => {
    const taken = new Set<Target>();
    const faults = Array.from({ length: 1 + upTo(3) }, () => drawFault(taken));
    return { seed, number: index + 1, faults };
  });
}

function stepOf(kind: FaultKind, random: () => number): Step | undefined {
  const steps = kind.startsWith("service ")
    ? crashPoints["profile-service"]
    : kind.startsWith("invalidator ")
      ? // Dead letters are too rare to wait for.
        crashPoints.invalidator.filter((step) => !step.includes("dead-letter"))
      : [];
  const step = steps[Math.floor(random() * steps.length)];
  const isApp = kind.endsWith(" killed") || kind.endsWith(" frozen");
  return step === undefined || !isApp ? undefined : { step, nth: 1 + Math.floor(random() * 5) };
}

/** One fault as a person reads it. */
export function describeFault({ kind, target, afterRequests, lasts, at }: Fault): string {
  const where = at === undefined ? "" : ` at ${at.step} ${at.nth}`;
  const during = lasts === "until noticed" ? lasts : `for ${lasts} requests`;
  return `${kind} (${target})${where}, after ${afterRequests} requests, ${during}`;
}
