import { type ReadResult } from "@freshet/cache";
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from "@nestjs/common";
import {
  parseIdempotencyKey,
  parseIfMatch,
  type ReadHeaders,
  readOptions,
  type ReplyHeaders,
  setOutcome,
  setVersion,
} from "../http/headers.ts";
import { notFound, ofAProfile } from "../http/problem.ts";
import { type ViewLoaders } from "../view-loaders.ts";
import { VIEW_LOADERS, ViewReader } from "../view-reader.ts";
import {
  type BatchAnswer,
  batchGet,
  type BatchGet,
  handle,
  listQuery,
  type ListQuery,
  newProfile,
  type NewProfile,
  type Profile,
  profileId,
  type ProfileList,
  profilePatch,
  type ProfilePatch,
} from "./profile.ts";
import { ProfilesRepository } from "./profiles.repository.ts";
import { ProfilesService } from "./profiles.service.ts";

@Controller()
export class ProfilesController {
  readonly #service: ProfilesService;
  readonly #repository: ProfilesRepository;
  readonly #views: ViewReader;
  readonly #loaders: ViewLoaders;

  constructor(
    service: ProfilesService,
    repository: ProfilesRepository,
    views: ViewReader,
    @Inject(VIEW_LOADERS) loaders: ViewLoaders,
  ) {
    this.#service = service;
    this.#repository = repository;
    this.#views = views;
    this.#loaders = loaders;
  }

  @Post("profiles")
  async create(
    @Body({ schema: newProfile }) body: NewProfile,
    @Headers("idempotency-key") idempotencyKey: string | undefined,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const { profile, isReplay } = await this.#service.create(body, parseIdempotencyKey(idempotencyKey));
    reply.header("location", `/profiles/${profile.id}`);
    if (isReplay) reply.header("idempotency-replayed", "true");
    setVersion(reply, profile);
    return profile;
  }

  /** Straight from the primary: no view names all profiles. */
  @Get("profiles")
  async list(@Query({ schema: listQuery }) { limit, cursor }: ListQuery): Promise<ProfileList> {
    const profiles = await this.#repository.list(cursor, limit + 1);
    const page = profiles.slice(0, limit);
    const last = page.at(-1);
    return { profiles: page, nextCursor: last && profiles.length > limit ? last.id : null };
  }

  // The router reads "::" as a colon.
  @Post("profiles::batchGet")
  @HttpCode(200)
  async batchGet(
    @Body({ schema: batchGet }) { ids }: BatchGet,
    @Headers() headers: ReadHeaders,
  ): Promise<BatchAnswer> {
    const { min, bypass } = readOptions(headers);
    const asked = [...new Set(ids)];
    const keys = asked.map((id) => ({ profileId: id }));
    const minOf = ({ profileId: id }: { readonly profileId: string | number }) => {
      const atLeast = min[`profile:${id}`];
      return atLeast === undefined ? {} : { [`profile:${id}`]: atLeast };
    };
    const values = await this.#views.readMany(this.#loaders.userProfile, keys, { min: minOf, bypass });
    return {
      found: values.filter((value) => value !== null),
      missing: asked.filter((_id, index) => values[index] === null),
    };
  }

  @Get("profiles/:id")
  async byId(
    @Param("id", { schema: profileId }) id: string,
    @Headers() headers: ReadHeaders,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const key = { profileId: id };
    const result = await this.#views.read(this.#loaders.userProfile, key, readOptions(headers));
    return answer(reply, result, `profile ${id}`, "id");
  }

  @Get("profiles/by-handle/:handle")
  async byHandle(
    @Param("handle", { schema: handle }) name: string,
    @Headers() headers: ReadHeaders,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const key = { handle: name };
    const result = await this.#views.read(this.#loaders.userProfileByHandle, key, readOptions(headers));
    return answer(reply, result, `a profile with the handle ${name}`, "handle");
  }

  @Patch("profiles/:id")
  async update(
    @Param("id", { schema: profileId }) id: string,
    @Body({ schema: profilePatch }) patch: ProfilePatch,
    @Headers("if-match") ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const updated = await this.#service.update(id, patch, parseIfMatch(ifMatch));
    setVersion(reply, updated);
    return updated;
  }

  @Delete("profiles/:id")
  @HttpCode(204)
  async remove(
    @Param("id", { schema: profileId }) id: string,
    @Headers("if-match") ifMatch: string | undefined,
  ): Promise<void> {
    await this.#service.remove(id, parseIfMatch(ifMatch));
  }
}

function answer(
  reply: ReplyHeaders,
  { value, outcome }: ReadResult<Profile>,
  what: string,
  param: string,
): Profile {
  setOutcome(reply, outcome);
  if (!value) throw notFound(what, param, ofAProfile);
  setVersion(reply, value);
  return value;
}
