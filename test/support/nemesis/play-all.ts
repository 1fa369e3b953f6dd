import { Nemesis, type Outcome } from "./nemesis.ts";
import { type Schedule } from "./schedule.ts";

/** Each schedule reads the whole topic, and the disk of a world is small. */
const schedulesOfOneWorld = 20;

/**
 * Plays schedules in this order, so many at a time, each of these in a world of its own. One schedule mostly waits, for
 * sessions to run out and processes to start. In the last one of each world `crowd` profiles change at once: what they
 * leave would slow down those that follow.
 */
export async function playAll(
  schedules: readonly Schedule[],
  options: {
    worlds: number;
    crowd?: number;
    isOver?: () => boolean;
    onOutcome?: (outcome: Outcome) => void;
  },
): Promise<Outcome[]> {
  const { worlds, crowd, isOver = () => false, onOutcome } = options;
  const left = [...schedules];
  const outcomes: Outcome[] = [];
  const playWorld = async (next: Schedule) => {
    await using nemesis = await Nemesis.begin({ seed: next.seed + next.number });
    for (let played = 1; ; played += 1) {
      const isLast = played === schedulesOfOneWorld || left.length === 0;
      const outcome = await nemesis.play(isLast && crowd !== undefined ? { ...next, crowd } : next);
      outcomes.push(outcome);
      onOutcome?.(outcome);
      // One that has shown a violation is not to be trusted further.
      if (outcome.violations.length > 0 || isLast || isOver()) return;
      const following = left.shift();
      if (following === undefined) return;
      next = following;
    }
  };
  const playSome = async () => {
    for (let next = left.shift(); next !== undefined && !isOver(); next = left.shift()) await playWorld(next);
  };
  const ended = await Promise.allSettled(Array.from({ length: worlds }, playSome));
  for (const each of ended) if (each.status === "rejected") throw each.reason;
  return outcomes;
}
