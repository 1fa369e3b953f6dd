import { decodeChangeEvent } from "@freshet/contracts";
import {
  type DependencyGraph,
  VersionWatch,
  versionViolations,
  violationsOf,
} from "@freshet/dependency-graph";
import { partitionOfKey } from "@freshet/kafka";
import { counted } from "./problem.ts";
import type { Report } from "./session.ts";
import type { TailRecord } from "./tail-line.ts";

/** One thing that is wrong with one record. */
interface Violation {
  readonly code: string;
  readonly says: string;
}

/** A record that does not conform. */
export interface Nonconforming {
  /** topic/partition@offset. */
  readonly at: string;
  readonly subject: string | null;
  readonly violations: readonly Violation[];
}

/** What is wrong in the same way, counted; the first few are named. */
interface Group extends Violation {
  readonly type: string | null;
  count: number;
  readonly examples: string[];
}

const mostExamples = 3;
/** What is wrong in more ways than this is counted together: the names in it are the publisher's. */
const mostGroups = 1_000;
const others = { code: "others", type: null, says: "in more ways than are told apart" };
/** About 30 MB; of an entity that was seen longer ago a fall goes unseen. */
const defaultMostEntities = 100_000;

/** Holds the records of topics to the manifests, one after the other, in bounded memory. */
export class EventsCheck {
  readonly #graph: DependencyGraph;
  readonly #partitions: ReadonlyMap<string, number>;
  readonly #versions: VersionWatch;
  readonly #groups = new Map<string, Group>();
  #events = 0;
  #conforming = 0;
  #duplicates = 0;

  /** `partitions`: how many each topic has. */
  constructor(
    graph: DependencyGraph,
    partitions: ReadonlyMap<string, number>,
    mostEntities = defaultMostEntities,
  ) {
    this.#graph = graph;
    this.#partitions = partitions;
    this.#versions = new VersionWatch(mostEntities);
  }

  get progress(): string {
    return `${counted(this.#events, "event")} read, ${this.#events - this.#conforming} do not conform`;
  }

  /** What is wrong with this record; undefined: it conforms. */
  see(record: TailRecord): Nonconforming | undefined {
    this.#events += 1;
    const at = `${record.topic}/${record.partition}@${record.offset}`;
    const decoded = decodeChangeEvent(record);
    const event = decoded.ok ? decoded.event : undefined;
    const violations: Violation[] = decoded.ok
      ? [
          ...violationsOf(this.#graph, decoded.event, record.topic),
          ...this.#ofKey(record, decoded.event.subject),
        ]
      : [{ code: decoded.reason, says: decoded.detail }];
    if (event !== undefined) {
      const seen = this.#versions.see(event);
      if (seen === "duplicate") this.#duplicates += 1;
      if (seen === "falls" || seen === "repeats") violations.push(versionViolations[seen]);
    }
    if (violations.length === 0) {
      this.#conforming += 1;
      return undefined;
    }
    for (const violation of violations) this.#count(violation, event?.type ?? null, at);
    return { at, subject: event?.subject ?? null, violations };
  }

  report(topics: readonly string[]): Report {
    const events = this.#events;
    const conforming = this.#conforming;
    const [duplicates, forgotten] = [this.#duplicates, this.#versions.forgotten];
    const violations = [...this.#groups.values()].sort((a, b) => b.count - a.count);
    return {
      data: { topics, events, conforming, duplicates, forgotten, violations },
      problem: conforming < events,
      print(out) {
        out.line(
          { text: topics.join(", "), style: "bold" },
          `: ${counted(events, "event")}, ${conforming} conform, ${events - conforming} do not; ${counted(duplicates, "duplicate")}`,
        );
        for (const { code, type, says, count, examples } of violations) {
          out.line(
            { text: `${count} × ${code}`, style: "red" },
            ` ${type === null ? "" : `${type}: `}${says}`,
          );
          out.line(`  ${examples.join(", ")}${count > examples.length ? ", …" : ""}`);
        }
        if (forgotten > 0)
          out.line(`Entities forgotten meanwhile, of which a falling version can go unseen: ${forgotten}.`);
      },
    };
  }

  /** The key is the entity's id, and decides the partition: only there its events keep their order. */
  #ofKey({ topic, partition, key }: TailRecord, subject: string): Violation[] {
    if (key === null || key === undefined || key.length === 0)
      return [
        {
          code: "missing_key",
          says: "it has no Kafka key, so that its order is by chance: send the subject",
        },
      ];
    const bytes = Buffer.from(key);
    if (!bytes.equals(Buffer.from(subject)))
      return [{ code: "foreign_key", says: "its Kafka key is not its subject" }];
    const partitions = this.#partitions.get(topic) ?? 0;
    return partitions > 0 && partitionOfKey(bytes, partitions) !== partition
      ? [
          {
            code: "wrong_partition",
            says: "it is not where murmur2 of its key belongs: set partitioner=murmur2_random (librdkafka); or partitions were added since",
          },
        ]
      : [];
  }

  #count({ code, says }: Violation, type: string | null, at: string): void {
    const name = `${code}\n${type ?? ""}\n${says}`;
    const isOneTooMany = !this.#groups.has(name) && this.#groups.size >= mostGroups;
    const place = isOneTooMany ? others.code : name;
    const group = this.#groups.get(place) ?? {
      ...(isOneTooMany ? others : { code, type, says }),
      count: 0,
      examples: [],
    };
    this.#groups.set(place, group);
    group.count += 1;
    if (group.examples.length < mostExamples) group.examples.push(at);
  }
}
