// Events of a service that means no good, or does not know better.
import { randomUUID } from "node:crypto";
import { type Message } from "kafkajs";

/** A record as it is sent, and the entity whose profile it can still be said to be about. */
export interface HostileRecord {
  readonly sent: Message;
  readonly entity: string | undefined;
}

/** A record that can't be processed, and the reason that its dead letter gives. */
interface ParkedRecord {
  readonly record: HostileRecord;
  readonly reason: string;
}

/** A well-formed change event of the entity `subject`, with these attributes changed. */
export function event(subject: string, changes: object = {}): Record<string, unknown> {
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: "foreign",
    type: "ProfileChanged",
    subject,
    time: "2026-11-22T20:00:00.000Z",
    data: data(),
    ...changes,
  };
}

function data(changes: object = {}): object {
  const routing = { handle: "nobody", teamIds: [] };
  return { version: 1, change: "updated", changedFields: [], before: routing, after: routing, ...changes };
}

export function message(key: string | null, value: object | string | null): Message {
  return { key, value: typeof value === "object" && value !== null ? JSON.stringify(value) : value };
}

/** Says to a terminal: another title, an empty screen, red; then a line of its own. */
const escapes = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r\n"fake": "line"';

/** Every way of being a bad event that we know of: what is processed, what is parked, what is skipped. */
export function hostileEvents(): {
  readonly effective: readonly HostileRecord[];
  readonly parked: readonly ParkedRecord[];
  readonly skipped: readonly HostileRecord[];
} {
  const about = (entity: string, value: object | string, headers?: Message["headers"]): HostileRecord => ({
    sent: { ...message(entity, value), ...(headers ? { headers } : {}) },
    entity,
  });
  /** JSON.stringify leaves out what is no own property, so a name such as __proto__ is put in afterwards. */
  const withText = (value: object, text: string): string => JSON.stringify(value).replace('"x":0', text);
  const parked = (reason: string, record: HostileRecord): ParkedRecord => ({ record, reason });
  const teamIds = Array.from({ length: 10_000 }, (_, index) => `absurd-${index}`);
  const manyHeaders = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`h${n}`, "x".repeat(100)]));
  const hugeHeaders = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`h${n}`, "x".repeat(100_000)]),
  );
  const binary = { ce_specversion: "1.0", ce_id: "1", ce_source: "foreign", ce_type: "ProfileChanged" };
  return {
    effective: [
      about("of-2-MB", event("of-2-MB", { padding: "x".repeat(2_000_000) })),
      about("binary", data(), { ...binary, ce_subject: "binary", ce___proto__: "x" }),
      about("5000-headers", event("5000-headers"), manyHeaders),
      about("deep", withText(event("deep", { x: 0 }), `"x":${"[".repeat(200_000)}${"]".repeat(200_000)}`)),
      about("absurd", event("absurd", { data: data({ after: { handle: "nobody", teamIds } }) })),
      about("proto", withText(event("proto", { data: data({ x: 0 }) }), '"__proto__":{"version":null}')),
      about(escapes, event(escapes)),
      // A later version of the publisher adds what nobody here knows.
      about(
        "later",
        event("later", {
          shard: "eu-1",
          data: data({ reason: {}, after: { handle: "nobody", teamIds: [], cityId: "c1" } }),
        }),
      ),
      { sent: message("foreign key", event("foreign-key")), entity: "foreign-key" },
    ],
    parked: [
      parked("not_json", about("not JSON", "not JSON \u001b[31m")),
      parked("not_json", about(`${escapes}2`, "\u001b[31m")),
      parked("not_json", about("2 MB of nothing", "x".repeat(2_000_000))),
      parked(
        "not_json",
        about("2 MB of headers", "{", { ...hugeHeaders, constructor: "x", ["__proto__"]: "x" }),
      ),
      parked("not_json", about("deep nothing", "[".repeat(500_000))),
      parked("not_json", { sent: message("k".repeat(100_000), "x"), entity: undefined }),
      parked("empty", { sent: message(null, null), entity: undefined }),
      parked("empty", about("empty value", "")),
      parked("not_a_cloudevent", about("no CloudEvent", data())),
      parked("invalid_event", about("no version", event("v", { data: data({ version: undefined }) }))),
      parked("invalid_event", about("a version in quotes", event("v", { data: data({ version: "7" }) }))),
      parked("invalid_event", about("a version too high", event("v", { data: data({ version: 2 ** 53 }) }))),
      parked("invalid_event", about("CloudEvents 2.0", event("v", { specversion: "2.0" }))),
      parked("invalid_event", about("binary, no type", data(), { ce_specversion: "1.0" })),
      parked("subject_too_long", about("a long subject", event("x".repeat(1_025)))),
      parked(
        "invalid_routing",
        about(
          "inherited routing",
          withText(
            event("inherited routing", { data: data({ after: { x: 0 } }) }),
            '"__proto__":{"handle":"a","teamIds":[]}',
          ),
        ),
      ),
    ],
    // Another major version is another type, which no manifest here names.
    skipped: [about("next-major", event("next-major", { type: "ProfileChanged.v2" }))],
  };
}
