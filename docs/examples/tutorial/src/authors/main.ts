import { ReadThroughCache, versioned } from "@freshet/cache";
import { z } from "zod";
import { serve } from "../http.ts";
import { authorPage } from "./contract.ts";

const {
  PORT = "3400",
  ARTICLES_URL = "http://127.0.0.1:3300",
  MEMCACHED_TEAMS = "127.0.0.1:11213",
} = process.env;
const articles = z.array(z.object({ id: z.string(), version: z.int(), title: z.string() }));

const cache = new ReadThroughCache({ pools: { teams: { nodes: MEMCACHED_TEAMS } } });

async function load(authorId: string) {
  const answer = await fetch(`${ARTICLES_URL}/authors/${encodeURIComponent(authorId)}/articles`);
  const rows = articles.parse(await answer.json());
  return versioned(
    // The rows that the page is built from: an older page can't take the place of a newer one.
    rows.map(({ id, version }) => ({ entity: "article", id, version })),
    { authorId, titles: rows.map(({ title }) => title) },
  );
}

serve(Number(PORT), async (_method, [collection, authorId = ""]) => {
  if (collection !== "authors") return null;
  const { outcome, value } = await cache.read(authorPage, { authorId }, () => load(authorId));
  return { outcome, value };
});
