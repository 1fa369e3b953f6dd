/** Oldest missed offset of each node (`host:port` as configured); "*": every node is too far behind. */
export type MissedOffsets = Readonly<Record<string, bigint>> | "*";

/** What every offset commit of Freshet carries beside the offset (docs/architecture.md, "Commit metadata"). */
export interface CommitMetadata {
  /** Topology hash of the pool, 8 hex digits. */
  readonly topo: string;
  /** Highest LogAppendTime in ms of any record below the offset; undefined where the topic has none. */
  readonly ts: number | undefined;
  readonly miss: MissedOffsets;
}

/** Kafka's offset.metadata.max.bytes is 4,096; one byte more fails every later commit of the partition. */
const maxMetadataBytes = 4_095;
const format = 1;

/** The only writer of commit metadata: under 4,096 bytes; more missed nodes than fit become "*". */
export function encodeCommitMetadata({ topo, ts, miss }: CommitMetadata): string {
  const encode = (marks: unknown) => JSON.stringify({ f: format, topo, ts, miss: marks });
  if (miss === "*") return encode("*");
  const marks = Object.fromEntries(Object.entries(miss).map(([node, offset]) => [node, offset.toString()]));
  const full = encode(marks);
  return Buffer.byteLength(full) <= maxMetadataBytes ? full : encode("*");
}

/**
 * Reads commit metadata; undefined when it is missing or not ours (someone else moved the group). Unknown fields
 * and later formats are accepted as long as the fields of this one are there.
 */
export function decodeCommitMetadata(metadata: string | null): CommitMetadata | undefined {
  if (metadata === null || metadata === "") return undefined;
  let json: unknown;
  try {
    json = JSON.parse(metadata);
  } catch {
    return undefined;
  }
  if (!isRecord(json) || typeof json["f"] !== "number" || typeof json["topo"] !== "string") return undefined;
  const miss = decodeMissed(json["miss"]);
  const ts = json["ts"];
  if (miss === undefined || (ts !== undefined && !Number.isSafeInteger(ts))) return undefined;
  return { topo: json["topo"], ts: typeof ts === "number" ? ts : undefined, miss };
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
