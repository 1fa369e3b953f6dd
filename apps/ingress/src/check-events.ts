import { encodeChangeEvent, type Manifest, publishedEventSchema } from "@freshet/contracts";
import { type FieldProblem, Problem } from "@freshet/http";
import { type OutgoingMessage } from "@freshet/kafka";
import { type Grants } from "./tokens.ts";

/** The most bytes of one event, as its publishers here send it; the outbox has the same bound. */
const maxEventBytes = 65_536;
/** Problems named in one answer; a hostile batch can hold thousands. */
const maxProblems = 20;
/** The caller's own text is quoted up to this many characters. */
const maxQuoted = 80;

/** What is wrong with which event; `event` counts from 0. */
interface EventProblem extends FieldProblem {
  readonly event: number;
  readonly id?: string;
}

/** The event types that are taken, with their topics. */
export type Published = ReadonlyMap<
  string,
  { readonly topic: string; readonly schema: ReturnType<typeof publishedEventSchema> }
>;

/** What the manifests of a deployment publish. */
export function publishedBy(manifests: readonly Manifest[]): Published {
  return new Map(
    manifests.flatMap(({ publishes }) =>
      Object.entries(publishes).map(
        ([type, event]) => [type, { topic: event.topic, schema: publishedEventSchema(type, event) }] as const,
      ),
    ),
  );
}

/**
 * The messages of a request's events: all of them, or none. Pure.
 * @throws Problem 400 naming every event that is wrong, 403 naming those that this token may not publish
 */
export function checkEvents(
  events: readonly unknown[],
  grants: Grants,
  published: Published,
  maxBatch: number,
): OutgoingMessage[] {
  if (events.length > maxBatch)
    throw new Problem(
      413,
      "Too many events",
      `a request may bear ${maxBatch} events, not ${events.length}: send more requests`,
      [{ field: "body", remedy: `must have at most ${maxBatch} events` }],
    );
  const invalid: EventProblem[] = [];
  const forbidden: EventProblem[] = [];
  const messages: OutgoingMessage[] = [];
  for (const [index, event] of events.entries()) {
    const at = { event: index, ...idOf(event) };
    const known = published.get(textOf(event, "type") ?? "");
    if (!known) {
      const types = [...published.keys()].join(", ");
      invalid.push({ ...at, field: "type", remedy: `must be an event that a manifest publishes: ${types}` });
      continue;
    }
    const checked = known.schema.safeParse(event);
    if (!checked.success) {
      invalid.push(
        ...checked.error.issues.map(({ path, message }) => ({
          ...at,
          field: quoted(path.join(".")) || "event",
          remedy: message,
        })),
      );
      continue;
    }
    const { source, type } = checked.data;
    const types = grants.get(source);
    if (types === undefined)
      forbidden.push({
        ...at,
        field: "source",
        remedy: `must be one that this token may publish for: ${[...grants.keys()].join(", ")}`,
      });
    else if (types !== "*" && !types.has(type))
      forbidden.push({
        ...at,
        field: "type",
        remedy: `must be one that this token may publish for ${source}: ${[...types].join(", ")}`,
      });
    const message = encodeChangeEvent(checked.data);
    if (Buffer.byteLength(message.value) > maxEventBytes)
      invalid.push({
        ...at,
        field: "event",
        remedy: `must have at most ${maxEventBytes} bytes: keep routing values short`,
      });
    messages.push({ topic: known.topic, ...message });
  }
  if (invalid.length > 0) throw refused(400, "Events are not valid", invalid);
  if (forbidden.length > 0) throw refused(403, "Not allowed to publish", forbidden);
  return messages;
}

function refused(status: number, title: string, problems: readonly EventProblem[]): Problem {
  const named = problems.slice(0, maxProblems);
  const lines = named.map(({ event, field, remedy }) => `event ${event}: ${field}: ${remedy}`);
  const more = problems.length - named.length;
  const detail = `${lines.join("; ")}${more > 0 ? `; and ${more} more` : ""}. Nothing of the request was sent`;
  return new Problem(status, title, detail, named);
}

function idOf(event: unknown): { id?: string } {
  const id = textOf(event, "id");
  return id === undefined ? {} : { id: quoted(id) };
}

function textOf(event: unknown, name: string): string | undefined {
  if (typeof event !== "object" || event === null || !Object.hasOwn(event, name)) return undefined;
  const value: unknown = Reflect.get(event, name);
  return typeof value === "string" ? value : undefined;
}

function quoted(text: string): string {
  return text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text;
}
