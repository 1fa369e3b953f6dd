import { channel } from "node:diagnostics_channel";
import { type ChangeEvent } from "@freshet/contracts";
import { type Logger } from "@freshet/observability";
import { type OutboxRelay } from "@freshet/outbox";
import { type OwnKeys } from "./own-keys.ts";

const committed = channel("freshet:write.committed");

/** What follows a commit. None of it is needed for the bus to deliver: the process may die before it. */
export class AfterCommit {
  readonly #relay: OutboxRelay | null;
  readonly #ownKeys: OwnKeys | null;
  readonly #logger: Logger;

  /** Without a relay (OUTBOX_RELAY=off) nobody is woken, without own keys (WRITER_DELETE=off) none are deleted. */
  constructor(relay: OutboxRelay | null, ownKeys: OwnKeys | null, logger: Logger) {
    this.#relay = relay;
    this.#ownKeys = ownKeys;
    this.#logger = logger;
  }

  /** Never rejects: the change is committed, and the caller must hear so. */
  async run(change: ChangeEvent): Promise<void> {
    const { id: event, type, subject: entity, data } = change;
    committed.publish({ entity, version: data.version });
    this.#logger.debug({ event, type, entity, version: data.version }, "change committed");
    this.#relay?.wake();
    await this.#ownKeys?.delete(change);
  }
}
