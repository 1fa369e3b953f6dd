import type { Versions } from "@freshet/contracts";
import type { CasToken } from "./drivers/driver.ts";
import type { Seen } from "./fill.ts";

/** What a load gave; without `data` it has no stored form and is not shared. */
export interface FlightResult {
  readonly versions: Versions;
  readonly data?: unknown;
}

interface Flight {
  /** What the fill will compare with; "pending" until the lease is taken. */
  token: CasToken | "pending" | undefined;
  readonly result: Promise<FlightResult>;
}

/**
 * One load per key and process. A load is shared only while what it captured still stands, as the joining read
 * has just seen: then nothing was invalidated since before that load, and what it gives is as good as a hit.
 * Without memcached any load under way is shared: its value can be as old as that load.
 */
export class SingleFlight {
  readonly #flights = new Map<string, Flight>();

  /** The load under way that this read may share. Ask and `lead` in one turn, or two reads will both lead. */
  find(key: string, seen: Seen): Promise<FlightResult> | undefined {
    const flight = this.#flights.get(key);
    return flight && mayJoin(flight, seen) ? flight.result : undefined;
  }

  /** Runs a load that others may join; it says what it captured before it begins. */
  async lead<Result extends FlightResult>(
    key: string,
    seen: Seen,
    fly: (captured: (token: CasToken | undefined) => void) => Promise<Result>,
  ): Promise<Result> {
    let token: Flight["token"] = seen.kind === "absent" ? "pending" : tokenOf(seen);
    const result = fly((captured) => {
      token = captured;
    });
    const flight: Flight = {
      get token() {
        return token;
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

function mayJoin({ token }: Flight, seen: Seen): boolean {
  if (token === "pending") return seen.kind === "absent";
  if (token === undefined) return seen.kind === "unavailable";
  const now = tokenOf(seen);
  return now?.epoch === token.epoch && now.unique === token.unique;
}
