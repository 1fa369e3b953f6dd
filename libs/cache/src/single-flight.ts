import type { Versions } from "@freshet/contracts";
import type { CasToken } from "./drivers/driver.ts";
import { type Seen, tokenOf } from "./fill.ts";

/** What a load gave; without `data` it has no stored form and is not shared. */
export interface FlightResult {
  readonly versions: Versions;
  readonly data?: unknown;
}

/** What stood under the key, and when the load, or the look at what another process has loaded, began. */
type Begun = { readonly at: number; readonly token: CasToken | undefined } | undefined;

interface Flight {
  /** Undefined as long as nothing has begun that the result may come from. */
  readonly begun: Begun;
  readonly result: Promise<FlightResult>;
}

/** What the one who flies says of how far it is. */
export interface FlightLog {
  /** From now on the result may be what is being read. */
  begins(token: CasToken | undefined): void;
  /** It was not: the result will be read later. */
  waits(): void;
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

  /** Runs a load that others may share. */
  async lead<Result extends FlightResult>(
    key: string,
    fly: (log: FlightLog) => Promise<Result>,
  ): Promise<Result> {
    let begun: Begun;
    const result = fly({
      begins: (token) => {
        begun = { at: this.turn(), token };
      },
      waits: () => {
        begun = undefined;
      },
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

function mayShare({ begun }: Flight, seen: Seen, readBegunAt: number): boolean {
  if (!begun || readBegunAt < begun.at) return true;
  if (!begun.token) return seen.kind === "unavailable";
  const now = tokenOf(seen);
  return now?.epoch === begun.token.epoch && now.unique === begun.token.unique;
}
