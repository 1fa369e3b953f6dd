import { defineManifest, defineView, on } from "@freshet/contracts";
import { z } from "zod";
// In a repository of its own: a package of article-service, or a copy of the declaration.
import { ArticleChanged } from "../articles/contract.ts";

/** Another service's data under a key of ours: gone when an article of this author is new, renamed, or given away. */
export const authorPage = defineView({
  name: "author_page",
  key: "author_page:{authorId}",
  pool: "teams",
  value: z.object({ authorId: z.string(), titles: z.array(z.string()) }),
  dependsOn: [on(ArticleChanged, { authorId: "authorId" }, { fields: ["title"] })],
});

export const manifest = defineManifest({ service: "author-service", publishes: [], views: [authorPage] });
