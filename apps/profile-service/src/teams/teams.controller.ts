import { Controller, Get, Headers, Param, Res } from "@nestjs/common";
import { parseMinVersion, type ReplyHeaders, setOutcome, wantsPrimary } from "../http/headers.ts";
import { teamId } from "../profiles/profile.ts";
import { type TeamDirectory } from "./directory.ts";
import { TeamsReader } from "./teams.reader.ts";

@Controller("teams")
export class TeamsController {
  readonly #reader: TeamsReader;

  constructor(reader: TeamsReader) {
    this.#reader = reader;
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
    const { value, outcome } = await this.#reader.directory(id, options);
    setOutcome(reply, outcome);
    return value ?? { teamId: id, members: [], isComplete: true };
  }
}
