import { defineManifest, defineView, tag } from "@freshet/contracts";
import { z } from "zod";
import { teamPage } from "../contract.ts";
import { ProfileChanged } from "../profile-contract.ts";

const found = z.object({ id: z.string(), handle: z.string(), displayName: z.string() });

/**
 * Any number of keys, one for each query. No key follows from a change: which queries a profile newly matches nobody
 * can tell. All of them hang on one tag; deleting it makes every one of them a miss.
 */
export const searchResults = defineView({
  name: "search_results",
  key: "search:{query}",
  pool: "search",
  value: z.array(found),
  ttlSeconds: 600,
  tags: [tag("search:profiles", ProfileChanged, { params: {}, fields: ["displayName", "handle"] })],
});
export type Found = z.infer<typeof found>;

const card = z.object({ teamId: z.string(), name: z.string(), memberCount: z.int() });
export type TeamCard = z.infer<typeof card>;

/** Built from a page of another service in another pool, which is built from a directory of a third. */
export const teamCard = defineView({
  name: "team_card",
  key: "team_card:{teamId}",
  pool: "search",
  value: card,
  derivedFrom: [teamPage],
});

/** search-reader.yaml is written from it. */
export const manifest = defineManifest({
  service: "search-reader",
  publishes: [],
  views: [searchResults, teamCard],
});
