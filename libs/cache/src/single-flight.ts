import type { Versions } from "@freshet/contracts";
import type { CasToken } from "./drivers/driver.ts";
import type { Seen } from "./fill.ts";

/** What a load gave; without `data` it has no stored form and is not shared. */
export interface FlightResult {
  readonly versions: Versions;
  readonly data?: unknown;
}

interface Flight {
  /** What the fill will compare with, and when the load began; undefined until the capture is over. */
  readonly begun: { readonly at: number; readonly token: CasToken | undefined } | undefined;
  readonly result: Promise<FlightResult>;
}

/**
 * One load per key and process. A load is shared with the reads that were there before it began, and as long as
 * what it captured still stands, as the joining read has just seen: then nothing was invalidated since before
 * that load, and what it gives is as good as a hit. Without memcached any load under way is shared: its value can
 * be as old as that load.
 */
export class SingleFlight {
  readonly #flights = new Map<string, Flight>();
  #turn = 0;

  /** The order in which reads and loads begin; a read takes its number before it looks. */
  turn(): number {
    return ++this.#turn;
  }

  /** The load under way that this read may share. Ask and `lead` in one go, or two reads will both lead. */
  find(key: string, seen: Seen, readBegunAt: number): Promise<FlightResult> | undefined {
    const flight = this.#flights.get(key);
    return flight && mayShare(flight, seen, readBegunAt) ? flight.result : undefined;
  }

  /** Runs a load that others may share; `fly` says what was captured before it begins to load. */
  async lead<Result extends FlightResult>(
    key: string,
    fly: (captured: (token: CasToken | undefined) => void) => Promise<Result>,
  ): Promise<Result> {
    let begun: Flight["begun"];
    const result = fly((token) => {
      begun = { at: this.turn(), token };
    });
    const flight: Flight = {
      get begun() {
        return begun;
      },
      result,
    };
    this.#flights.set(key, flight);
    try {
      return await result;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
  }
}

/** What a fill may compare with without taking the lease first. */
export function tokenOf(seen: Seen): CasToken | undefined {
  return "cas" in seen ? seen.cas : undefined;
}

function mayShare({ begun }: Flight, seen: Seen, readBegunAt: number): boolean {
  if (!begun || readBegunAt < begun.at) return true;
  if (!begun.token) return seen.kind === "unavailable";
  const now = tokenOf(seen);
  return now?.epoch === begun.token.epoch && now.unique === begun.token.unique;
}
