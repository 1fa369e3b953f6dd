// Which keys an event deletes: what `freshet plan` and the invalidator ask.
import { type ChangeEvent, parsePools } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { manifest } from "./contract.ts";

/** The graph of the pool `notes`, once for all events. */
export function graphOfNotes(nodes: readonly string[]) {
  const pools = parsePools({ freshet: 1, pools: { notes: { nodes } } }, "pools.yaml");
  return compile([{ file: "note-service.yaml", manifest }], pools).pool("notes");
}

/** Note 7 goes from ada to grace: the note, and the lists of both. */
export const handedOver: ChangeEvent = {
  specversion: "1.0",
  id: "0199d0a8-0000-7000-8000-000000000000",
  source: "note-service",
  type: "NoteChanged",
  subject: "7",
  data: {
    version: 2,
    change: "updated",
    changedFields: ["ownerId"],
    before: { ownerId: "ada" },
    after: { ownerId: "grace" },
  },
};

export function keysOf(event: ChangeEvent): string[] {
  const plan = graphOfNotes(["127.0.0.1:11211"]).plan(event);
  return plan.kind === "keys" ? plan.keys.map(({ key }) => key) : [];
}
