import { defineChangeEvent, defineManifest, defineView, on } from "@freshet/contracts";
import { z } from "zod";

/** What changes. `fields` are announced by name; `routing` holds the values that somebody's keys are built from. */
export const ArticleChanged = defineChangeEvent({
  type: "ArticleChanged",
  entity: "article",
  topic: "article.events.v1",
  fields: ["title", "authorId"],
  routing: z.object({ authorId: z.string() }),
});

/** What this service caches: one key per article, deleted when that article changes. */
export const article = defineView({
  name: "article",
  key: "article:{articleId}",
  pool: "profiles",
  value: z.object({ id: z.string(), version: z.int(), title: z.string(), authorId: z.string() }),
  dependsOn: [on(ArticleChanged, { articleId: "subject" })],
});

export const manifest = defineManifest({
  service: "article-service",
  publishes: [ArticleChanged],
  views: [article],
});
