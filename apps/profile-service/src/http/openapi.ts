import { z } from "zod";
import {
  batchAnswer,
  batchGet,
  cursor,
  handle,
  newProfile,
  profile,
  profileId,
  profileList,
  profilePatch,
  teamId,
} from "../profiles/profile.ts";
import { teamDirectory } from "../teams/directory.ts";
import { headerPatterns } from "./headers.ts";

type Json = Readonly<Record<string, unknown>>;

const problem = z
  .object({
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().describe("What is wrong, and what to do about it"),
    errors: z
      .array(z.object({ field: z.string(), remedy: z.string() }))
      .optional()
      .describe(
        "Each wrong part of the request: a field of its body, a parameter, a header, path or method. " +
          "Not there where nothing is wrong with it (429 and 5xx)",
      ),
  })
  .meta({ id: "Problem", description: "Problem details, RFC 9457" });

const answers = { profile, profileList, batchAnswer, teamDirectory, problem };
const requests = { newProfile, profilePatch, batchGet };

/** A zod schema as JSON Schema 2020-12, which OpenAPI 3.1 speaks. */
function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const own = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema: one }) => {
      // Unicode classes are no part of the dialect that generators understand; the description says the rule.
      if (one.pattern?.includes("\\p{") !== true) return;
      const [, min, max] = /\{(\d+),(\d+)\}\$$/.exec(one.pattern) ?? [];
      const breaks = one.pattern.includes("\\n") ? "\\n" : "";
      one.pattern = `^[^\\u0000-\\u0009${breaks === "" ? "\\u000a" : ""}\\u000b-\\u001f\\u007f-\\u009f]*$`;
      if (Number(min) > 0) one.minLength = Number(min);
      one.maxLength = Number(max);
    },
  });
  const id = schema.meta()?.id;
  // What has an id is a reference to itself beside its definition.
  const definition = id === undefined ? own : (own.$defs?.[id] ?? own);
  delete definition.$schema;
  delete definition.$defs;
  return JSON.parse(JSON.stringify(definition).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}

const ref = (schema: z.ZodType): Json => ({ $ref: `#/components/schemas/${schema.meta()?.id ?? ""}` });
const text = (description: string, pattern?: string, more: Json = {}): Json => ({
  description,
  schema: { type: "string", ...(pattern === undefined ? {} : { pattern }), ...more },
});
const parameter = (place: string, name: string, of: Json, required = false): Json => ({
  name,
  in: place,
  required,
  ...of,
});

const headers = {
  etag: text("The profile's version, quoted", '^"[0-9]+"$'),
  token: text("The version as Min-Version takes it", "^profile:[^=]+=[0-9]+$"),
  cache: {
    description: "Where the answer came from",
    schema: { type: "string", enum: ["HIT", "MISS", "BYPASS"] },
  },
};
const versionHeaders = { ETag: headers.etag, "Freshness-Token": headers.token };
const readHeaders = { ...versionHeaders, "X-Cache": headers.cache };

const freshness = "[a-z][a-z0-9_]{0,31}:[A-Za-z0-9._~-]{1,64}=[0-9]{1,15}";
const minVersion = parameter(
  "header",
  "Min-Version",
  text(
    "entity:id=version[,…]: what the caller must see, as a Freshness-Token has it",
    `^${freshness}(,${freshness})*$`,
    { format: "freshness-token", examples: ["profile:42=7"] },
  ),
);
const cacheControl = parameter(
  "header",
  "Cache-Control",
  text("no-cache: from the primary, past the cache", undefined, { examples: ["no-cache"] }),
);
const ifMatch = parameter(
  "header",
  "If-Match",
  text("The versions that may be changed: * or ETags, separated by commas", headerPatterns.ifMatch.source, {
    format: "entity-tags",
    examples: ["*"],
  }),
);
const idempotencyKey = parameter(
  "header",
  "Idempotency-Key",
  text(
    "A request that is sent again under its key within 24 hours makes no second profile",
    headerPatterns.idempotencyKey.source,
  ),
);
const pathParameter = (name: string, schema: z.ZodType, example: string): Json =>
  parameter("path", name, { schema: { ...jsonSchema(schema, "input"), examples: [example] } }, true);
const id = pathParameter("id", profileId, "42");

const problems: Readonly<Record<number, string>> = {
  400: "A field, a parameter or a header is wrong; `errors` names each",
  404: "There is no such profile",
  409: "The id or the handle is taken",
  412: "The profile has another version than If-Match allows",
  413: "The body has more than 65,536 bytes",
  415: "The body is not of a type that is taken",
  422: "The Idempotency-Key was used for another request, or the change is too large for an event",
  429: "Too many requests from this address",
  503: "The database did not serve the request in time: send it again",
};
const isRead = (status: number) => status === 404;

function problemResponses(statuses: readonly number[], cached: boolean): Json {
  const content = { "application/problem+json": { schema: ref(problem) } };
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: problems[status],
        content,
        ...(status === 429 ? { headers: { "Retry-After": text("Seconds to wait", "^[0-9]+$") } } : {}),
        ...(cached && isRead(status) ? { headers: { "X-Cache": headers.cache } } : {}),
      },
    ]),
  );
}

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly Json[];
  /** The schema of the body, and its media types. */
  readonly body?: readonly [z.ZodType, ...string[]];
  readonly answer: {
    readonly status: number;
    readonly description: string;
    readonly schema?: z.ZodType;
    readonly headers?: Json;
  };
  /** Besides 400, 429 and 503. */
  readonly problems?: readonly number[];
}

function operation(
  name: string,
  { summary, parameters = [], body, answer, problems: own = [] }: Operation,
): Json {
  const { status, description, schema } = answer;
  const [bodySchema, ...types] = body ?? [];
  const statuses = [400, 429, 503, ...own, ...(body ? [413, 415] : [])].sort((one, other) => one - other);
  return {
    operationId: name,
    summary,
    parameters,
    ...(bodySchema
      ? {
          requestBody: {
            required: true,
            content: Object.fromEntries(types.map((type) => [type, { schema: ref(bodySchema) }])),
          },
        }
      : {}),
    responses: {
      [String(status)]: {
        description,
        ...(schema ? { content: { "application/json": { schema: ref(schema) } } } : {}),
        ...(answer.headers ? { headers: answer.headers } : {}),
      },
      ...problemResponses(statuses, answer.headers !== undefined && "X-Cache" in answer.headers),
    },
  };
}

const json = "application/json";
const found = { status: 200, description: "The profile", schema: profile, headers: readHeaders } as const;

/** The public API in OpenAPI 3.1; docs/openapi.json is written from it. */
export function openApi(): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "profile-service",
      version: "0.1.0",
      description: "Profiles and the directories of their teams, read through memcached.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths: {
      "/profiles": {
        get: operation("listProfiles", {
          summary: "Living profiles by id, page by page, from the primary",
          parameters: [
            parameter("query", "limit", {
              schema: { type: "integer", minimum: 1, maximum: 100, default: 20 },
            }),
            parameter("query", "cursor", {
              description: "The nextCursor of the page before",
              schema: jsonSchema(cursor, "input"),
            }),
          ],
          answer: { status: 200, description: "One page", schema: profileList },
        }),
        post: operation("createProfile", {
          summary: "Create a profile",
          parameters: [idempotencyKey],
          body: [newProfile, json],
          answer: {
            status: 201,
            description: "The new profile",
            schema: profile,
            headers: {
              ...versionHeaders,
              Location: text("The profile's path"),
              "Idempotency-Replayed": text("true: an earlier request has made it", "^true$"),
            },
          },
          problems: [409, 422],
        }),
      },
      "/profiles:batchGet": {
        post: operation("batchGetProfiles", {
          summary: "Up to 100 profiles at once",
          parameters: [minVersion, cacheControl],
          body: [batchGet, json],
          answer: {
            status: 200,
            description: "Those that there are, and the ids of the others",
            schema: batchAnswer,
          },
        }),
      },
      "/profiles/{id}": {
        get: operation("getProfile", {
          summary: "A profile",
          parameters: [id, minVersion, cacheControl],
          answer: found,
          problems: [404],
        }),
        patch: operation("patchProfile", {
          summary: "Change a profile by a JSON merge patch; one that changes nothing makes no version",
          parameters: [id, ifMatch],
          body: [profilePatch, "application/merge-patch+json", json],
          answer: {
            status: 200,
            description: "The profile as it is now",
            schema: profile,
            headers: versionHeaders,
          },
          problems: [404, 409, 412, 422],
        }),
        delete: operation("deleteProfile", {
          summary: "Delete a profile; its id and version live on",
          parameters: [id, ifMatch],
          answer: { status: 204, description: "It is deleted" },
          problems: [404, 412],
        }),
      },
      "/profiles/by-handle/{handle}": {
        get: operation("getProfileByHandle", {
          summary: "The profile that has a handle",
          parameters: [pathParameter("handle", handle, "ada"), minVersion, cacheControl],
          answer: found,
          problems: [404],
        }),
      },
      "/teams/{teamId}/directory": {
        get: operation("getTeamDirectory", {
          summary: "The members of a team; empty when no profile names it",
          parameters: [pathParameter("teamId", teamId, "t1"), minVersion, cacheControl],
          answer: {
            status: 200,
            description: "The directory",
            schema: teamDirectory,
            headers: { "X-Cache": headers.cache },
          },
        }),
      },
    },
    components: { schemas: components() },
  };
}

function components(): Json {
  const definitions = (schemas: readonly z.ZodType[], io: "input" | "output") =>
    schemas.map((schema) => [schema.meta()?.id ?? "", jsonSchema(schema, io)] as const);
  return Object.fromEntries([
    ...definitions(Object.values(answers), "output"),
    ...definitions(Object.values(requests), "input"),
    ["TeamMember", jsonSchema(teamDirectory.shape.members.element, "output")],
  ]);
}
