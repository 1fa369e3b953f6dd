import { Controller, Get, Headers, Inject, Param, Res } from "@nestjs/common";
import { type ReadHeaders, readOptions, type ReplyHeaders, setOutcome } from "../http/headers.ts";
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
    @Headers() headers: ReadHeaders,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<TeamDirectory> {
    const options = readOptions(headers);
    const key = { teamId: id };
    const { value, outcome } = await this.#views.read(this.#loaders.teamDirectory, key, options);
    setOutcome(reply, outcome);
    return value ?? { teamId: id, members: [], isComplete: true };
  }
}
