/** Oldest missed offset of each node (`host:port` as configured); "*": every node is too far behind. */
export type MissedOffsets = Readonly<Record<string, bigint>> | "*";

/** What every offset commit of Freshet carries beside the offset (docs/architecture.md, "Commit metadata"). */
export interface CommitMetadata {
  /** Topology hash of the pool, 8 hex digits. */
  readonly topo: string;
  /** Highest LogAppendTime in ms of any record below the offset; undefined where the topic has none. */
  readonly ts: number | undefined;
  readonly miss: MissedOffsets;
  /** Fields that a later version added to this format: written again as they were read. */
  readonly others?: Readonly<Record<string, unknown>>;
}

/** Kafka's offset.metadata.max.bytes is 4,096; one byte more fails every later commit of the partition. */
const maxMetadataBytes = 4_095;
const format = 1;

/**
 * The only writer of commit metadata: under 4,096 bytes. More missed nodes than fit become "*", which covers them;
 * the fields of a later version give way to nothing but that.
 */
export function encodeCommitMetadata({ topo, ts, miss, others = {} }: CommitMetadata): string {
  const encode = (marks: unknown, rest = others) =>
    JSON.stringify({ f: format, topo, ts, miss: marks, ...rest });
  const marks =
    miss === "*"
      ? "*"
      : Object.fromEntries(Object.entries(miss).map(([node, offset]) => [node, offset.toString()]));
  const fitting = [encode(marks), encode("*")].find((text) => Buffer.byteLength(text) <= maxMetadataBytes);
  return fitting ?? encode("*", {});
}

/**
 * Reads commit metadata; undefined when it is missing or not ours (someone else moved the group), "later_format"
 * when a version wrote it whose fields this one would misread. Fields that are unknown here are kept in `others`.
 */
export function decodeCommitMetadata(metadata: string | null): CommitMetadata | "later_format" | undefined {
  if (metadata === null || metadata === "") return undefined;
  let json: unknown;
  try {
    json = JSON.parse(metadata);
  } catch {
    return undefined;
  }
  if (!isRecord(json)) return undefined;
  const { f, topo, ts, miss: encoded, ...others } = json;
  if (typeof f === "number" && Number.isInteger(f) && f > format) return "later_format";
  const miss = decodeMissed(encoded);
  if (f !== format || typeof topo !== "string" || miss === undefined) return undefined;
  if (ts !== undefined && !Number.isSafeInteger(ts)) return undefined;
  return {
    topo,
    ts: typeof ts === "number" ? ts : undefined,
    miss,
    ...(Object.keys(others).length > 0 ? { others } : {}),
  };
}

function decodeMissed(miss: unknown): MissedOffsets | undefined {
  if (miss === "*") return "*";
  if (!isRecord(miss)) return undefined;
  const marks: [string, bigint][] = [];
  for (const [node, offset] of Object.entries(miss)) {
    if (typeof offset !== "string" || !/^\d+$/.test(offset)) return undefined;
    marks.push([node, BigInt(offset)]);
  }
  return Object.fromEntries(marks);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
