// What a service says of itself: its events, what it caches, and the manifest made of both.
import { defineChangeEvent, defineManifest, defineView, on } from "@freshet/contracts";
import { z } from "zod";

export const NoteChanged = defineChangeEvent({
  type: "NoteChanged",
  entity: "note",
  topic: "note.events.v1",
  fields: ["title", "ownerId"],
  routing: z.object({ ownerId: z.string() }),
});

export const note = defineView({
  name: "note",
  key: "note:{noteId}",
  pool: "notes",
  value: z.object({ id: z.string(), version: z.int(), title: z.string(), ownerId: z.string() }),
  dependsOn: [on(NoteChanged, { noteId: "subject" })],
});

/** Both the old and the new owner's list are gone when a note changes hands. */
export const notesOfOwner = defineView({
  name: "notes_of_owner",
  key: "notes_of_owner:{ownerId}",
  pool: "notes",
  value: z.array(z.string()),
  ttlSeconds: 600,
  dependsOn: [on(NoteChanged, { ownerId: "ownerId" }, { fields: ["title", "ownerId"] })],
});

export const manifest = defineManifest({
  service: "note-service",
  publishes: [NoteChanged],
  views: [note, notesOfOwner],
});
