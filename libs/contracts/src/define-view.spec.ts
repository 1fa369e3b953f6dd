import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  defineChangeEvent,
  defineView,
  on,
  type RoutingPath,
  tag,
  type ViewDefinition,
  type ViewParams,
  type ViewValue,
} from "./index.ts";

const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "teamIds"],
  routing: z.object({
    handle: z.string(),
    teamIds: z.array(z.string()),
    cityId: z.int().nullish(),
    tags: z.array(z.string()).optional(),
  }),
});
const Profile = z.object({ id: z.string(), displayName: z.string() });
const Page = z.object({ title: z.string() });
const common = { pool: "teams", value: Page } as const;

const userProfile = defineView({
  name: "user_profile",
  key: "user_profile:{profileId}",
  pool: "profiles",
  value: Profile,
  dependsOn: [on(ProfileChanged, { profileId: "subject" })],
  onChange: { refresh: "/internal/views/user_profile" },
});
const teamDirectory = defineView({
  ...common,
  name: "team_directory",
  key: "team_directory:{teamId}:{lang}",
  dependsOn: [on(ProfileChanged, { teamId: "teamIds[]", lang: "handle" }, { fields: ["displayName"] })],
});

// `npm run typecheck` is what proves these: an unused @ts-expect-error does not compile.
describe("a view's types", () => {
  it("know the paths of its event", () => {
    expectTypeOf<RoutingPath<typeof ProfileChanged>>().toEqualTypeOf<
      "subject" | "handle" | "cityId" | "teamIds[]" | "tags[]"
    >();
    on(ProfileChanged, { id: "subject", handle: "handle", team: "teamIds[]", city: "cityId", tag: "tags[]" });
    // @ts-expect-error no such routing value
    on(ProfileChanged, { id: "displayName" });
    // @ts-expect-error a list is written teamIds[]
    on(ProfileChanged, { id: "teamIds" });
    // @ts-expect-error a handle is no list
    on(ProfileChanged, { id: "handle[]" });
  });

  it("know the fields of its event", () => {
    on(ProfileChanged, { id: "subject" }, { fields: ["displayName"] });
    // @ts-expect-error no such field
    on(ProfileChanged, { id: "subject" }, { fields: ["nickname"] });
    // @ts-expect-error no such field
    tag("search", ProfileChanged, { params: {}, fields: ["nickname"] });
  });

  it("demand every parameter of the key and no other", () => {
    const view = { ...common, name: "v", key: "v:{a}:{b}" } as const;
    defineView({ ...view, dependsOn: [on(ProfileChanged, { a: "subject", b: "handle" })] });
    // @ts-expect-error b is not filled
    defineView({ ...view, dependsOn: [on(ProfileChanged, { a: "subject" })] });
    // @ts-expect-error the key has no c
    defineView({ ...view, dependsOn: [on(ProfileChanged, { a: "subject", b: "handle", c: "handle" })] });
    // @ts-expect-error the key has no parameter at all
    defineView({ ...common, name: "v", key: "v", dependsOn: [on(ProfileChanged, { a: "subject" })] });
    defineView({ ...common, name: "v", key: "v", dependsOn: [on(ProfileChanged, {})] });
  });

  it("give its parameters and its value to whoever reads it", () => {
    expectTypeOf<ViewParams<typeof teamDirectory>>().toEqualTypeOf<
      Readonly<Record<"teamId" | "lang", string | number>>
    >();
    expectTypeOf<ViewValue<typeof userProfile>>().toEqualTypeOf<{ id: string; displayName: string }>();
    expectTypeOf(teamDirectory).toExtend<ViewDefinition>();
  });

  it("allow refresh only where the key follows from the subject alone", () => {
    const byHandle = { ...common, name: "v", key: "v:{handle}", onChange: { refresh: "/v" } } as const;
    // @ts-expect-error the key follows from the handle
    defineView({ ...byHandle, dependsOn: [on(ProfileChanged, { handle: "handle" })] });
    const dependsOn = [on(ProfileChanged, { profileId: "subject" })] as const;
    const byId = { ...byHandle, key: "v:{profileId}", dependsOn } as const;
    defineView(byId);
    // @ts-expect-error a derived value is always deleted
    defineView({ ...byId, derivedFrom: [userProfile] });
    // @ts-expect-error a value with tags is always deleted
    defineView({ ...byId, tags: [tag("all", ProfileChanged, { params: {} })] });
    // @ts-expect-error a path, never a host
    defineView({ ...byHandle, onChange: { refresh: "http://host/v" }, dependsOn: [] });
    // @ts-expect-error neither delete nor refresh
    defineView({ ...byHandle, onChange: "keep", dependsOn: [] });
  });

  it("demand that a derived view's parameters are its bases'", () => {
    const page = defineView({ ...common, name: "p", key: "p:{teamId}", derivedFrom: [teamDirectory] });
    expect(page.derivedFrom).toEqual([teamDirectory]);
    // @ts-expect-error the base has no city
    defineView({ ...common, name: "p", key: "p:{city}", derivedFrom: [teamDirectory] });
    // @ts-expect-error user_profile has no teamId
    defineView({ ...common, name: "p", key: "p:{teamId}", derivedFrom: [teamDirectory, userProfile] });
  });

  it("demand that a tag can be named before the load, unless it is a member's", () => {
    const search = { ...common, name: "s", key: "s:{teamId}" } as const;
    const all = tag("search", ProfileChanged, { params: {} });
    const ofTeam = tag("search:{teamId}", ProfileChanged, { params: { teamId: "teamIds[]" } });
    const ofMember = tag("member:{id}", ProfileChanged, { params: { id: "subject" }, members: true });
    defineView({ ...search, tags: [all, ofTeam, ofMember] });
    // @ts-expect-error the key has no teamId
    defineView({ ...common, name: "s", key: "s:{query}", tags: [ofTeam] });
    // @ts-expect-error the placeholder is not filled
    tag("search:{teamId}", ProfileChanged, { params: {} });
    // @ts-expect-error the tag has no such placeholder
    tag("search:{teamId}", ProfileChanged, { params: { teamId: "subject", id: "subject" } });
    // @ts-expect-error no such routing value
    tag("search:{teamId}", ProfileChanged, { params: { teamId: "teamId" } });
  });
});

describe("a view", () => {
  it("lives 3600 seconds and is deleted on change, unless it says otherwise", () => {
    expect(teamDirectory).toMatchObject({ ttlSeconds: 3_600, onChange: "delete", tags: [], formerKeys: [] });
    expect(userProfile.onChange).toEqual({ refresh: "/internal/views/user_profile" });
  });

  it.each([0, -1, 1.5, 1_296_001, NaN])("is refused with a life of %d seconds", (ttlSeconds) => {
    expect(() => defineView({ ...common, name: "v", key: "v", ttlSeconds })).toThrow(
      expect.objectContaining({ code: "CONTRACT_INVALID" }),
    );
  });

  it("is refused with a template that no key can be built from", () => {
    expect(() => defineView({ ...common, name: "v", key: "{a}:v" })).toThrow(
      expect.objectContaining({ code: "TEMPLATE_INVALID" }),
    );
    expect(() => tag("a:x{b}", ProfileChanged, { params: { b: "subject" } })).toThrow(
      expect.objectContaining({ code: "TEMPLATE_INVALID" }),
    );
  });
});
