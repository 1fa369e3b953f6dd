import { bigint, check, index, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { sql } from "drizzle-orm";

/** Which POST with an Idempotency-Key has made which profile. */
export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    key: text("key").primaryKey(),
    requestHash: text("request_hash").notNull(),
    profileId: text("profile_id").notNull(),
    version: bigint("version", { mode: "number" }).notNull(),
    updatedAt: timestamp("updated_at", { withTimezone: true }).notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
  },
  (table) => [index("idempotency_keys_created_at_idx").on(table.createdAt)],
);

/**
 * One row per id for ever: a deleted profile keeps its id and version and nothing personal, so that its versions
 * go on rising should the id come back. Its handle is null, which leaves handles unique among the living.
 */
export const profiles = pgTable(
  "profiles",
  {
    id: text("id").primaryKey(),
    version: bigint("version", { mode: "number" }).notNull(),
    handle: text("handle").unique("profiles_handle_key"),
    displayName: text("display_name"),
    avatarUrl: text("avatar_url"),
    bio: text("bio"),
    teamIds: text("team_ids").array().notNull().default([]),
    updatedAt: timestamp("updated_at", { withTimezone: true }).notNull(),
  },
  (table) => [
    index("profiles_team_ids_idx").using("gin", table.teamIds),
    check("profiles_living_or_bare", sql`(${table.handle} IS NULL) = (${table.displayName} IS NULL)`),
  ],
);
