import { z } from "zod";

/** A field whose every fault is answered with its rule: the rule is what the caller has to do. */
const text = (rule: string, pattern: RegExp) => z.string({ error: rule }).regex(pattern, rule).describe(rule);

// At most 64 bytes, no byte that the key rule would hash: the cached keys of real profiles are readable.
const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const profileId = text(
  "must be 1 to 64 of A–Z, a–z, 0–9, '.', '_' and '-', beginning with a letter or digit",
  name,
);
export const handle = text(
  "must be 1 to 64 of a–z, 0–9, '.', '_' and '-', beginning with a letter or digit",
  /^[a-z0-9][a-z0-9._-]{0,63}$/,
);
const displayName = text(
  "must be a text of 1 to 200 characters, no control characters",
  /^[^\p{Cc}\p{Surrogate}]{1,200}$/u,
);
const avatarRule = "must be null or an http(s) URL of at most 2,000 ASCII characters";
// A pattern and not a URL parser: what the OpenAPI document says and what is taken are the same.
const avatarUrl = z
  .string({ error: avatarRule })
  .max(2_000, avatarRule)
  .regex(/^https?:\/\/[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?([/?#][!-~]*)?$/, avatarRule)
  .nullable()
  .describe(avatarRule);
const bioRule =
  "must be null or a text of at most 2,000 characters without control characters but line breaks";
const bio = z
  .string({ error: bioRule })
  .regex(/^(?:[^\p{Cc}\p{Surrogate}]|\r?\n){0,2000}$/u, bioRule)
  .nullable()
  .describe(bioRule);
export const teamId = text("must be a team id: 1 to 64 of A–Z, a–z, 0–9, '.', '_' and '-'", name);
const teamsRule = "must be a list of at most 100 different team ids";
const teamIds = z
  .array(teamId, { error: teamsRule })
  .max(100, teamsRule)
  .refine((ids) => new Set(ids).size === ids.length, teamsRule)
  .meta({ uniqueItems: true, description: teamsRule });

/** A living profile as the API answers it and the cache holds it. */
export const profile = z
  .object({
    id: profileId,
    handle,
    displayName,
    avatarUrl,
    bio,
    teamIds,
    version: z.int().positive().describe("Rises with each change, also past a deletion"),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Profile" });
export type Profile = z.infer<typeof profile>;

const objectRule: z.core.$ZodErrorMap = ({ code }) =>
  code === "invalid_type" ? "must be a JSON object" : undefined;

/** What POST takes. */
export const newProfile = z
  .strictObject(
    {
      id: profileId.optional().describe("Made when it is missing"),
      handle,
      displayName,
      avatarUrl: avatarUrl.default(null),
      bio: bio.default(null),
      teamIds: teamIds.default([]),
    },
    { error: objectRule },
  )
  .meta({ id: "NewProfile" });
export type NewProfile = z.infer<typeof newProfile>;

/** What PATCH takes: a JSON merge patch (RFC 7396); null empties what may be empty. */
export const profilePatch = z
  .strictObject(
    {
      handle: handle.exactOptional(),
      displayName: displayName.exactOptional(),
      avatarUrl: avatarUrl.exactOptional(),
      bio: bio.exactOptional(),
      teamIds: teamIds.exactOptional(),
    },
    { error: objectRule },
  )
  .meta({ id: "ProfilePatch" });
export type ProfilePatch = z.infer<typeof profilePatch>;

const limitRule = "must be a whole number from 1 to 100";
export const cursor = text("must be the nextCursor of an earlier page", name);

/** What a list takes. The cursor is the last id of the page before: any id is one, whether it still lives or not. */
export const listQuery = z.strictObject({
  limit: text(limitRule, /^([1-9]\d?|100)$/)
    .default("20")
    .transform(Number),
  cursor: cursor.optional(),
});
export type ListQuery = z.infer<typeof listQuery>;

/** One page of living profiles, by id. */
export const profileList = z
  .object({
    profiles: z.array(profile),
    nextCursor: z.string().nullable().describe("Asks for the next page; null: this was the last one"),
  })
  .meta({ id: "ProfileList" });
export type ProfileList = z.infer<typeof profileList>;

const idsRule = "must be a list of 1 to 100 profile ids";

/** What a batch get takes. */
export const batchGet = z
  .strictObject(
    { ids: z.array(profileId, { error: idsRule }).min(1, idsRule).max(100, idsRule).describe(idsRule) },
    { error: objectRule },
  )
  .meta({ id: "BatchGet" });
export type BatchGet = z.infer<typeof batchGet>;

/** Each id that was asked for is in one of the two, once, in the order asked. */
export const batchAnswer = z
  .object({ found: z.array(profile), missing: z.array(profileId) })
  .meta({ id: "BatchAnswer" });
export type BatchAnswer = z.infer<typeof batchAnswer>;
