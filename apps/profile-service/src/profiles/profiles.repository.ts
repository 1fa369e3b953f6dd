import { Injectable } from "@nestjs/common";
import { and, DrizzleQueryError, eq, gt, inArray, isNotNull, sql } from "drizzle-orm";
import { type AnyPgColumn } from "drizzle-orm/pg-core";
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

  /** At most `limit` living profiles by id, those after `after`. */
  async list(after: string | undefined, limit: number): Promise<Profile[]> {
    const rows = await this.#database.primary
      .select()
      .from(profiles)
      .where(and(isNotNull(profiles.handle), after === undefined ? undefined : gt(profiles.id, after)))
      .orderBy(profiles.id)
      .limit(limit);
    return rows.flatMap((row) => toRow(row).profile ?? []);
  }

  /** The rows of these ids that there are, by id. */
  async findMany(ids: readonly string[]): Promise<ReadonlyMap<string, ProfileRow>> {
    const rows = await this.#database.primary
      .select()
      .from(profiles)
      .where(inArray(profiles.id, ids.filter(isStorable)));
    return new Map(rows.map((row) => [row.id, toRow(row)]));
  }

  /** The living profiles that have one of these handles, by handle. */
  async findManyByHandle(handles: readonly string[]): Promise<ReadonlyMap<string, Profile>> {
    const rows = await this.#database.primary
      .select()
      .from(profiles)
      .where(inArray(profiles.handle, handles.filter(isStorable)));
    return new Map(
      rows.flatMap((row) => toRow(row).profile ?? []).map((profile) => [profile.handle, profile]),
    );
  }

  /** Of each team at most `limit` living members, by display name, then id, in the order of their bytes. */
  async findMembers(
    teamIds: readonly string[],
    limit: number,
  ): Promise<ReadonlyMap<string, readonly Member[]>> {
    const { primary } = this.#database;
    const order = (of: { displayName: AnyPgColumn; id: AnyPgColumn }) => [
      sql`${of.displayName} COLLATE "C"`,
      sql`${of.id} COLLATE "C"`,
    ];
    const { id, version, displayName, avatarUrl } = profiles;
    const members = primary
      .select({ id, version, displayName, avatarUrl })
      .from(profiles)
      .where(sql`${profiles.teamIds} @> ARRAY[team_id]`)
      .orderBy(...order(profiles))
      .limit(limit)
      .as("members");
    const distinct = [...new Set(teamIds)].filter(isStorable);
    const rows = await primary
      .select({
        teamId: sql<string>`team_id`,
        id: members.id,
        version: members.version,
        displayName: members.displayName,
        avatarUrl: members.avatarUrl,
      })
      .from(sql`unnest(${sql.param(distinct)}::text[]) AS team_id`)
      .crossJoinLateral(members)
      .orderBy(...order(members));
    const teams = new Map<string, Member[]>(distinct.map((teamId) => [teamId, []]));
    for (const { teamId, displayName: name, ...row } of rows)
      if (name !== null) teams.get(teamId)?.push({ ...row, displayName: name });
    return teams;
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

/** PostgreSQL's texts hold no NUL: it refuses to look for one. */
function isStorable(text: string): boolean {
  return !text.includes("\0");
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
