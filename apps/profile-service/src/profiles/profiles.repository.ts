import { Injectable } from "@nestjs/common";
import { arrayContains, DrizzleQueryError, eq, sql } from "drizzle-orm";
import { Database, type Transaction } from "../database.ts";
import { conflict } from "../http/problem.ts";
import { type Profile } from "./profile.ts";
import { profiles } from "./schema.ts";

/** What the table knows of an id: its last version, and the profile unless it is deleted. */
export interface ProfileRow {
  readonly version: number;
  readonly profile: Profile | null;
}

/** What a caller decides about a profile. */
type Fields = Pick<Profile, "handle" | "displayName" | "avatarUrl" | "bio" | "teamIds">;

/** What a team's directory is built from. */
type Member = Pick<Profile, "id" | "version" | "displayName" | "avatarUrl">;

/** The rows of profiles, on the primary. */
@Injectable()
export class ProfilesRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find(id: string): Promise<ProfileRow | undefined> {
    const [row] = await this.#database.primary.select().from(profiles).where(eq(profiles.id, id));
    return row && toRow(row);
  }

  async findByHandle(handle: string): Promise<Profile | null> {
    const [row] = await this.#database.primary.select().from(profiles).where(eq(profiles.handle, handle));
    return row ? toRow(row).profile : null;
  }

  /** At most `limit` living members of a team, by display name, then id, in the order of their bytes. */
  async findMembers(teamId: string, limit: number): Promise<Member[]> {
    const rows = await this.#database.primary
      .select({
        id: profiles.id,
        version: profiles.version,
        displayName: profiles.displayName,
        avatarUrl: profiles.avatarUrl,
      })
      .from(profiles)
      .where(arrayContains(profiles.teamIds, [teamId]))
      .orderBy(sql`${profiles.displayName} COLLATE "C"`, sql`${profiles.id} COLLATE "C"`)
      .limit(limit);
    return rows.flatMap(({ displayName, ...row }) => (displayName === null ? [] : [{ ...row, displayName }]));
  }

  /** The row, locked until the transaction ends: what is written next follows this version. */
  async lock(tx: Transaction, id: string): Promise<ProfileRow | undefined> {
    const [row] = await tx.select().from(profiles).where(eq(profiles.id, id)).for("update");
    return row && toRow(row);
  }

  /** Inserts version 1, which holds its lock; undefined when the id was ever used. @throws Problem 409 handle */
  async insert(tx: Transaction, id: string, fields: Fields): Promise<Profile | undefined> {
    const row = { id, ...columnsOf(fields), version: 1, updatedAt: new Date() };
    const [inserted] = await onHandle(() =>
      tx.insert(profiles).values(row).onConflictDoNothing({ target: profiles.id }).returning(),
    );
    return inserted && living(inserted);
  }

  /** Writes the next version of a row that is locked. @throws Problem 409 handle */
  async update(tx: Transaction, id: string, fields: Fields, version: number): Promise<Profile> {
    const row = { ...columnsOf(fields), version, updatedAt: new Date() };
    const [updated] = await onHandle(() =>
      tx.update(profiles).set(row).where(eq(profiles.id, id)).returning(),
    );
    return living(updated);
  }

  /** Leaves the id and the version of a row that is locked, and nothing personal. */
  async erase(tx: Transaction, id: string, version: number): Promise<void> {
    const nothing = { handle: null, displayName: null, avatarUrl: null, bio: null, teamIds: [] };
    await tx
      .update(profiles)
      .set({ ...nothing, version, updatedAt: new Date() })
      .where(eq(profiles.id, id));
  }
}

function columnsOf({ handle, displayName, avatarUrl, bio, teamIds }: Fields): Fields {
  return { handle, displayName, avatarUrl, bio, teamIds };
}

function toRow(row: typeof profiles.$inferSelect): ProfileRow {
  const { id, handle, displayName, avatarUrl, bio, teamIds, version } = row;
  if (handle === null || displayName === null) return { version, profile: null };
  const updatedAt = row.updatedAt.toISOString();
  return { version, profile: { id, handle, displayName, avatarUrl, bio, teamIds, version, updatedAt } };
}

function living(row: typeof profiles.$inferSelect | undefined): Profile {
  const profile = row && toRow(row).profile;
  if (!profile) throw new Error("a locked row was not there to be written");
  return profile;
}

/** The unique constraint decides whose a handle is: a look-up before would race. */
async function onHandle<Answer>(write: () => PromiseLike<Answer>): Promise<Answer> {
  try {
    return await write();
  } catch (error) {
    const cause = error instanceof DrizzleQueryError ? error.cause : undefined;
    if (cause && "constraint" in cause && cause.constraint === "profiles_handle_key")
      throw conflict("handle", "is taken by another profile: choose another one");
    throw error;
  }
}
