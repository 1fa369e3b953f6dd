import { channel } from "node:diagnostics_channel";
import { claimMore, giveBack, type OutboxClient, type OutboxRow } from "./claim.ts";

const claimed = channel("freshet:outbox.claimed");
const published = channel("freshet:outbox.published");

/**
 * Parts of one transaction at the most: what is published again when the relay dies before its commit. With more of
 * them nothing was gained.
 */
const partsOfTransaction = 4;

/** What one transaction has published; `error` is what ended it. */
export interface PublishedParts {
  /** Rows that were published or refused for good. */
  readonly rows: number;
  readonly dead: readonly OutboxRow[];
  /** The last part that was published, from which the next one's size follows. */
  readonly lastPart: readonly OutboxRow[];
  /** Whether more rows may wait. */
  readonly more: boolean;
  readonly error?: unknown;
}

/**
 * Publishes what was claimed and, while a full part is on its way, claims the next one in the same transaction:
 * PostgreSQL and Kafka work side by side, and no row overtakes another. A part that can't be published is put back;
 * those before it stand. When nothing stands (`rows` is 0), the transaction is over.
 */
export async function publishParts(
  client: OutboxClient,
  first: readonly OutboxRow[],
  options: {
    readonly limit: number;
    readonly publish: (rows: readonly OutboxRow[]) => Promise<readonly ("published" | "too_large")[]>;
    readonly isStopping: () => boolean;
  },
): Promise<PublishedParts> {
  const { limit, publish, isStopping } = options;
  const dead: OutboxRow[] = [];
  let [rows, lastPart, current] = [0, first, first];
  for (let part = 0; ; part += 1) {
    claimed.publish({ rows: current.length });
    const isFull = current.length === limit;
    const claimsNext = isFull && part + 1 < partsOfTransaction;
    // Both are waited for, also where one fails: nothing is on its way to Kafka when the transaction ends.
    const [sent, claiming] = await Promise.allSettled([
      publish(current),
      claimsNext ? claimMore(client, part + 1, limit) : [],
    ]);
    if (claiming.status === "rejected") throw claiming.reason;
    if (sent.status === "rejected") {
      await giveBack(client, part);
      return { rows, dead, lastPart, more: false, error: sent.reason };
    }
    const next = claiming.value;
    published.publish({ rows: current.length });
    rows += current.length;
    dead.push(...current.filter((_row, index) => sent.value[index] !== "published"));
    lastPart = current;
    if (next.length === 0) return { rows, dead, lastPart, more: isFull && !claimsNext };
    if (isStopping()) {
      await giveBack(client, part + 1);
      return { rows, dead, lastPart, more: true };
    }
    current = next;
  }
}
