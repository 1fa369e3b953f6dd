import { type ReadResult } from "@freshet/cache";
import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Res } from "@nestjs/common";
import {
  parseIfMatch,
  parseMinVersion,
  type ReplyHeaders,
  setOutcome,
  setVersion,
  wantsPrimary,
} from "../http/headers.ts";
import { notFound } from "../http/problem.ts";
import {
  handle,
  newProfile,
  type NewProfile,
  type Profile,
  profileId,
  profilePatch,
  type ProfilePatch,
} from "./profile.ts";
import { ProfilesReader } from "./profiles.reader.ts";
import { ProfilesService } from "./profiles.service.ts";

@Controller("profiles")
export class ProfilesController {
  readonly #service: ProfilesService;
  readonly #reader: ProfilesReader;

  constructor(service: ProfilesService, reader: ProfilesReader) {
    this.#service = service;
    this.#reader = reader;
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
    return answer(reply, await this.#reader.byId(id, options), `profile ${id}`);
  }

  @Get("by-handle/:handle")
  async byHandle(
    @Param("handle", { schema: handle }) name: string,
    @Headers("cache-control") cacheControl: string | undefined,
    @Headers("min-version") minVersion: string | undefined,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<Profile> {
    const options = { min: parseMinVersion(minVersion), bypass: wantsPrimary(cacheControl) };
    return answer(reply, await this.#reader.byHandle(name, options), `a profile with the handle ${name}`);
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
