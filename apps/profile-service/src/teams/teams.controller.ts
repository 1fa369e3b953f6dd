import { Controller, Get, Headers, Inject, Param, Res } from "@nestjs/common";
import { parseMinVersion, type ReplyHeaders, setOutcome, wantsPrimary } from "../http/headers.ts";
import { teamId } from "../profiles/profile.ts";
import { type ViewLoaders } from "../view-loaders.ts";
import { VIEW_LOADERS, ViewReader } from "../view-reader.ts";
import { type TeamDirectory } from "./directory.ts";

@Controller("teams")
export class TeamsController {
  readonly #views: ViewReader;
  readonly #loaders: ViewLoaders;

  constructor(views: ViewReader, @Inject(VIEW_LOADERS) loaders: ViewLoaders) {
    this.#views = views;
    this.#loaders = loaders;
  }

  /** Never 404: teams are another service's, and one without members here may well exist. */
  @Get(":teamId/directory")
  async directory(
    @Param("teamId", { schema: teamId }) id: string,
    @Headers("cache-control") cacheControl: string | undefined,
    @Headers("min-version") minVersion: string | undefined,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<TeamDirectory> {
    const options = { min: parseMinVersion(minVersion), bypass: wantsPrimary(cacheControl) };
    const key = { teamId: id };
    const { value, outcome } = await this.#views.read(this.#loaders.teamDirectory, key, options);
    setOutcome(reply, outcome);
    return value ?? { teamId: id, members: [], isComplete: true };
  }
}
