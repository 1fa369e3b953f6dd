import { createHash } from "node:crypto";
import { Injectable } from "@nestjs/common";
import { and, eq, gt, lt, sql } from "drizzle-orm";
import { type Transaction } from "../database.ts";
import { idempotencyKeyReused } from "../http/problem.ts";
import { type NewProfile, type Profile } from "./profile.ts";
import { idempotencyKeys } from "./schema.ts";

/** How long a key is remembered at least, in hours. */
const rememberedHours = 24;
/** Expired keys that each new one removes: the table shrinks while it is used, and no request waits for much. */
const removedAtOnce = 10;

// The class of these advisory locks; the relay and the migrations have another one.
const lockClass = 1_718_776_681;

/**
 * Which POST has made which profile, so that one that is sent again makes no second one. The answer is worked out
 * from the request, which must be the same, and from what is kept here: no personal data.
 */
@Injectable()
export class IdempotencyKeys {
  /**
   * The profile that the request of this key has made, as it was answered then. Others with the same key wait until
   * this transaction ends.
   * @throws Problem 422 for another request under the same key
   */
  async find(tx: Transaction, key: string, request: NewProfile): Promise<Profile | undefined> {
    await tx.execute(sql`SELECT pg_advisory_xact_lock(${lockClass}, hashtext(${key}))`);
    const [made] = await tx
      .select()
      .from(idempotencyKeys)
      .where(and(eq(idempotencyKeys.key, key), gt(idempotencyKeys.createdAt, expiry)));
    if (!made) return undefined;
    if (made.requestHash !== hashOf(request)) throw idempotencyKeyReused();
    const { profileId, version, updatedAt } = made;
    const { id = profileId, ...fields } = request;
    return { id, ...fields, version, updatedAt: updatedAt.toISOString() };
  }

  /** Keeps what the request has made, in its transaction. */
  async keep(tx: Transaction, key: string, request: NewProfile, made: Profile): Promise<void> {
    await tx.execute(sql`DELETE FROM ${idempotencyKeys} WHERE ${idempotencyKeys.key} IN (
      SELECT ${idempotencyKeys.key} FROM ${idempotencyKeys} WHERE ${lt(idempotencyKeys.createdAt, expiry)}
      ORDER BY ${idempotencyKeys.createdAt} LIMIT ${removedAtOnce} FOR UPDATE SKIP LOCKED)`);
    const row = {
      requestHash: hashOf(request),
      profileId: made.id,
      version: made.version,
      updatedAt: new Date(made.updatedAt),
      createdAt: sql`now()`,
    };
    // One that has expired may still be there.
    await tx
      .insert(idempotencyKeys)
      .values({ key, ...row })
      .onConflictDoUpdate({ target: idempotencyKeys.key, set: row });
  }
}

const expiry = sql`now() - make_interval(hours => ${rememberedHours})`;

/** Equal for requests that mean the same: fields in the schema's order, with their defaults. */
function hashOf(request: NewProfile): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("hex");
}
