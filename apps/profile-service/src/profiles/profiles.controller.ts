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
  Res,
} from "@nestjs/common";
import {
  parseIfMatch,
  parseMinVersion,
  type ReplyHeaders,
  setOutcome,
  setVersion,
  wantsPrimary,
} from "../http/headers.ts";
import { notFound } from "../http/problem.ts";
import { type ViewLoaders } from "../view-loaders.ts";
import { VIEW_LOADERS, ViewReader } from "../view-reader.ts";
import {
  handle,
  newProfile,
  type NewProfile,
  type Profile,
  profileId,
  profilePatch,
  type ProfilePatch,
} from "./profile.ts";
import { ProfilesService } from "./profiles.service.ts";

@Controller("profiles")
export class ProfilesController {
  readonly #service: ProfilesService;
  readonly #views: ViewReader;
  readonly #loaders: ViewLoaders;

  constructor(service: ProfilesService, views: ViewReader, @Inject(VIEW_LOADERS) loaders: ViewLoaders) {
    this.#service = service;
    this.#views = views;
    this.#loaders = loaders;
  }

  @Post()
  async create(
    @Body({ schema: newProfile }) body: NewProfile,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const created = await this.#service.create(body);
    reply.header("location", `/profiles/${created.id}`);
    setVersion(reply, created);
    return created;
  }

  @Get(":id")
  async byId(
    @Param("id", { schema: profileId }) id: string,
    @Headers("cache-control") cacheControl: string | undefined,
    @Headers("min-version") minVersion: string | undefined,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const options = { min: parseMinVersion(minVersion), bypass: wantsPrimary(cacheControl) };
    const result = await this.#views.read(this.#loaders.userProfile, { profileId: id }, options);
    return answer(reply, result, `profile ${id}`);
  }

  @Get("by-handle/:handle")
  async byHandle(
    @Param("handle", { schema: handle }) name: string,
    @Headers("cache-control") cacheControl: string | undefined,
    @Headers("min-version") minVersion: string | undefined,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const options = { min: parseMinVersion(minVersion), bypass: wantsPrimary(cacheControl) };
    const result = await this.#views.read(this.#loaders.userProfileByHandle, { handle: name }, options);
    return answer(reply, result, `a profile with the handle ${name}`);
  }

  @Patch(":id")
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

  @Delete(":id")
  @HttpCode(204)
  async remove(
    @Param("id", { schema: profileId }) id: string,
    @Headers("if-match") ifMatch: string | undefined,
  ): Promise<void> {
    await this.#service.remove(id, parseIfMatch(ifMatch));
  }
}

function answer(reply: ReplyHeaders, { value, outcome }: ReadResult<Profile>, what: string): Profile {
  setOutcome(reply, outcome);
  if (!value) throw notFound(what);
  setVersion(reply, value);
  return value;
}
