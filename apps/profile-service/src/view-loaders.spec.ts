import { expect, test } from "vitest";
import { Database } from "./database.ts";
import { ProfilesRepository } from "./profiles/profiles.repository.ts";
import { viewLoaders } from "./view-loaders.ts";
import { manifest } from "./views.ts";

test("every view of the manifest has a loader, which reads and refreshes need", async () => {
  const database = new Database("postgres://nobody@127.0.0.1:1/none", () => undefined);
  const loaders = Object.values(viewLoaders(new ProfilesRepository(database)));
  expect(loaders.map(({ view }) => view.name).sort()).toEqual(Object.keys(manifest.views).sort());
  await database.close();
});
