import { FreshetError, type PublishedEvent, publishedEventJsonSchema } from "@freshet/contracts";
import type { Command } from "commander";
import { asyncApi } from "../asyncapi.ts";
import { manifestsFolder } from "../config.ts";
import { loadManifests } from "../manifests.ts";
import { jsonOption, type Session } from "../session.ts";

/** `freshet manifests asyncapi`: the contracts of a folder for languages that Freshet has no library for. */
export function addManifestsAsyncapi(manifests: Command, session: Session): void {
  const command = session.command(
    manifests,
    "asyncapi",
    "What is published, as an AsyncAPI 3 document in JSON, for publishers in any language",
    [
      ["manifests asyncapi", "of the folder of MANIFESTS_DIR, or deploy/manifests"],
      ["manifests asyncapi --schema ProfileChanged", "the JSON Schema of one event"],
    ],
  );
  command
    .argument("[dir]", "folder of the manifests and pools.yaml")
    .option("--schema <type>", "only the JSON Schema of this event")
    .addOption(jsonOption())
    .action(async (dir: string | undefined) => {
      const { schema } = command.opts<{ schema?: string }>();
      const { folder } = manifestsFolder(session.io.environment, dir);
      const sources = await loadManifests(folder);
      const document =
        schema === undefined
          ? asyncApi(sources)
          : schemaOf(schema, new Map(sources.flatMap(({ publishes }) => Object.entries(publishes))));
      session.io.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
    });
}

/** @throws FreshetError CLI_USAGE */
function schemaOf(type: string, events: ReadonlyMap<string, PublishedEvent>): object {
  const event = events.get(type);
  if (event) return publishedEventJsonSchema(type, event);
  throw new FreshetError(
    "CLI_USAGE",
    `no manifest publishes ${type}; there are ${[...events.keys()].join(", ") || "none"}`,
  );
}
