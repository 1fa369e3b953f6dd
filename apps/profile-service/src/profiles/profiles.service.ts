import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type ChangeEvent } from "@freshet/contracts";
import { drizzleTransaction, type Outbox } from "@freshet/outbox";
import { Inject, Injectable } from "@nestjs/common";
import { sql } from "drizzle-orm";
import { AfterCommit } from "../after-commit.ts";
import { Database, type Transaction } from "../database.ts";
import { ProfileChanged } from "../events.ts";
import { conflict, notFound, ofAProfile, preconditionFailed } from "../http/problem.ts";
import { traceOfRequest } from "../http/trace.ts";
import { IdempotencyKeys } from "./idempotency-keys.ts";
import { type NewProfile, type Profile, type ProfilePatch } from "./profile.ts";
import { ProfilesRepository } from "./profiles.repository.ts";

/** The injection token of the outbox. */
export const OUTBOX = Symbol("outbox");

/** A profile, and whether an earlier request has made it. */
interface Created {
  readonly profile: Profile;
  readonly isReplay: boolean;
}

/** The versions that the caller allows to be changed; undefined: any. */
type Allowed = ReadonlySet<number> | undefined;

/** Changes of profiles. Each is one transaction: lock the row, write its next version, then write its event. */
@Injectable()
export class ProfilesService {
  readonly #database: Database;
  readonly #repository: ProfilesRepository;
  readonly #keys: IdempotencyKeys;
  readonly #outbox: Outbox;
  readonly #afterCommit: AfterCommit;

  constructor(
    database: Database,
    repository: ProfilesRepository,
    keys: IdempotencyKeys,
    @Inject(OUTBOX) outbox: Outbox,
    afterCommit: AfterCommit,
  ) {
    this.#database = database;
    this.#repository = repository;
    this.#keys = keys;
    this.#outbox = outbox;
    this.#afterCommit = afterCommit;
  }

  /**
   * Creates a profile, with the version after the last one if its id was deleted. A request that is sent again under
   * its idempotency key makes nothing and is answered as it was.
   * @throws Problem 409, 422
   */
  async create(request: NewProfile, idempotencyKey: string | undefined): Promise<Created> {
    const { id = randomUUID(), ...fields } = request;
    const { profile, event } = await this.#database.transaction(async (tx) => {
      const made = idempotencyKey && (await this.#keys.find(tx, idempotencyKey, request));
      if (made) return { profile: made, event: undefined };
      const after = (await this.#repository.insert(tx, id, fields)) ?? (await this.#recreate(tx, id, fields));
      const added = await this.#record(tx, id, after.version, null, after);
      if (idempotencyKey) await this.#keys.keep(tx, idempotencyKey, request, after);
      return { profile: after, event: added };
    });
    if (event) await this.#afterCommit.run(event);
    return { profile, isReplay: event === undefined };
  }

  /** Applies a patch; one that changes nothing makes no version and no event. @throws Problem 404, 409, 412 */
  async update(id: string, patch: ProfilePatch, allowed: Allowed): Promise<Profile> {
    const { profile, event } = await this.#database.transaction(async (tx) => {
      const before = await this.#lockLiving(tx, id, allowed);
      const wanted = { ...before, ...patch };
      if (isDeepStrictEqual(wanted, before)) return { profile: before, event: undefined };
      const after = await this.#repository.update(tx, id, wanted, before.version + 1);
      return { profile: after, event: await this.#record(tx, id, after.version, before, after) };
    });
    if (event) await this.#afterCommit.run(event);
    return profile;
  }

  /** Deletes a profile; its id and version live on. @throws Problem 404, 412 */
  async remove(id: string, allowed: Allowed): Promise<void> {
    const event = await this.#database.transaction(async (tx) => {
      const before = await this.#lockLiving(tx, id, allowed);
      const version = before.version + 1;
      await this.#repository.erase(tx, id, version);
      return await this.#record(tx, id, version, before, null);
    });
    await this.#afterCommit.run(event);
  }

  async #recreate(tx: Transaction, id: string, fields: Omit<NewProfile, "id">): Promise<Profile> {
    const row = await this.#repository.lock(tx, id);
    if (!row || row.profile) throw conflict("id", "is taken: choose another one, or PATCH the profile");
    return await this.#repository.update(tx, id, fields, row.version + 1);
  }

  async #lockLiving(tx: Transaction, id: string, allowed: Allowed): Promise<Profile> {
    const row = await this.#repository.lock(tx, id);
    if (!row?.profile) throw notFound(`profile ${id}`, "id", ofAProfile);
    if (allowed && !allowed.has(row.version)) throw preconditionFailed(row.version);
    return row.profile;
  }

  async #record(
    tx: Transaction,
    id: string,
    version: number,
    before: Profile | null,
    after: Profile | null,
  ): Promise<ChangeEvent> {
    return await this.#outbox.add(drizzleTransaction(tx, sql), ProfileChanged, {
      id,
      version,
      before,
      after,
      ...traceOfRequest(),
    });
  }
}
