// What must always hold, judged from the records of the topic, the rows of the database, the commits of the groups and
// what nodes held (I3 to I6 and I8 of the design). Pure, and without a line of libs/: it would share its mistakes.
import { type CachedKey, type GroupPartition, isRecord, json, type Row } from "./checker.ts";
import { type LogRecord } from "./event-log.ts";

/** A change event of the service under test: neither a stranger's nor a second copy. */
export interface OwnEvent {
  readonly partition: number;
  readonly offset: number;
  readonly entity: string;
  readonly version: number;
  readonly change: string;
  readonly changedFields: readonly string[];
  readonly teamIds: readonly string[];
}

/** The topic as the other judgements need it. */
export interface Log {
  /** In the order of each partition. */
  readonly events: readonly OwnEvent[];
  /** Second and later copies of an event. */
  readonly repeated: number;
  readonly violations: readonly string[];
}

/** What was committed and what stood on the nodes at one moment, the commits read first. */
export interface Snapshot {
  readonly commits: readonly GroupPartition[];
  readonly cached: readonly CachedKey[];
  /** Read last; undefined: the database did not answer. */
  readonly rows: readonly Row[] | undefined;
}

/**
 * I5 and I6: the service numbers the versions of a profile without gaps, so the topic must hold 1 to the committed one of
 * each, every one under one event id, in order once copies are left out. `strangers` are ids that were published
 * from outside.
 */
export function judgeLog(
  records: readonly LogRecord[],
  rows: readonly Row[],
  strangers: ReadonlySet<string>,
): Log {
  const committed = new Map(rows.map(({ id, version }) => [id, version]));
  const seen = new Set<string>();
  const events: OwnEvent[] = [];
  let repeated = 0;
  for (const record of records) {
    const event = record.key !== null && committed.has(record.key) ? eventIn(record) : undefined;
    if (event === undefined || strangers.has(event.id)) continue;
    if (seen.has(event.id)) repeated += 1;
    else events.push(event.own);
    seen.add(event.id);
  }
  const published = byEntity(events);
  const violations = [...committed].flatMap(([id, version]) => {
    const versions = (published.get(id) ?? []).map((event) => event.version);
    return judgeVersions(id, versions, version);
  });
  return { events, repeated, violations };
}

function judgeVersions(id: string, published: readonly number[], committed: number): string[] {
  const missing = range(1, committed).filter((version) => !published.includes(version));
  const rolledBack = published.filter((version) => version > committed);
  const twice = published.filter((version, index) => published.indexOf(version) !== index);
  const falls = published.filter((version, index) => version < (published[index - 1] ?? 0));
  return [
    ...missing.map((version) => `I5: ${id}: version ${version} of ${committed} was never published`),
    ...rolledBack.map(
      (version) => `I5: ${id}: version ${version} was published, ${committed} is the last commit`,
    ),
    ...twice.map((version) => `I5: ${id}: version ${version} was published as two events`),
    ...falls.map((version) => `I6: ${id}: version ${version} follows a higher one`),
  ];
}

/**
 * I3 and I4 at one moment, whatever was broken then: a value that is older than an event below the committed offset must
 * be named in the metadata of that commit, and none is newer than the database.
 */
export function judgeSnapshot({ commits, cached, rows }: Snapshot, { events }: Log): string[] {
  const commitOf = new Map(commits.map((commit) => [`${commit.pool}/${commit.partition}`, commit]));
  const committed = new Map(rows?.map(({ id, version }) => [id, version]));
  const published = byEntity(events);
  return cached.flatMap(({ node, key, text = "" }) =>
    [...versionsIn(text)].flatMap(([entity, version]) => {
      const last = committed.get(entity);
      if (last !== undefined && version > last)
        return [`I3: ${key} on ${node} has version ${version} of ${entity}, ${last} is the last commit`];
      const team = /^team_directory:(.+)$/.exec(key)?.[1];
      const pool = team === undefined ? "profiles" : "teams";
      const forgotten = (published.get(entity) ?? []).find((event) => {
        if (event.version <= version || !(team === undefined || touchesDirectory(event, team))) return false;
        const commit = commitOf.get(`${pool}/${event.partition}`);
        return commit !== undefined && event.offset < commit.committed && !isOwed(commit, node, event.offset);
      });
      if (forgotten === undefined) return [];
      const { partition, offset } = forgotten;
      return [
        `I4: ${key} on ${node} has version ${version} of ${entity}; the deletion for ${forgotten.version}, ` +
          `at ${partition}@${offset}, is committed and not owed`,
      ];
    }),
  );
}

function byEntity(events: readonly OwnEvent[]): Map<string, OwnEvent[]> {
  const entities = new Map<string, OwnEvent[]>();
  for (const event of events) {
    const own = entities.get(event.entity);
    if (own === undefined) entities.set(event.entity, [event]);
    else own.push(event);
  }
  return entities;
}

function isOwed({ missed }: GroupPartition, node: string, offset: number): boolean {
  if (missed === "*") return true;
  const oldest = missed[node];
  return oldest !== undefined && Number(oldest) <= offset;
}

/** Whether the manifest says that this event concerns the directory of a team. */
function touchesDirectory({ change, changedFields, teamIds }: OwnEvent, team: string): boolean {
  const fields = ["displayName", "avatarUrl", "teamIds"];
  const concerns = change !== "updated" || changedFields.some((field) => fields.includes(field));
  return concerns && teamIds.includes(team);
}

/** I3 over time: no key on no node ever goes back to an earlier version of an entity. */
export function judgeHistory(snapshots: readonly Snapshot[]): string[] {
  const highest = new Map<string, number>();
  const violations: string[] = [];
  for (const { cached } of snapshots)
    for (const { node, key, text = "" } of cached)
      for (const [entity, version] of versionsIn(text)) {
        const at = `${key} on ${node}`;
        const earlier = highest.get(`${at} ${entity}`) ?? 0;
        if (version < earlier)
          violations.push(`I3: ${at} went from version ${earlier} of ${entity} to ${version}`);
        highest.set(`${at} ${entity}`, version);
      }
  return violations;
}

/**
 * The commits once all is quiet: at the end of the log, in our format, owing nothing (I4), with the highest append time
 * of what lies below, by which a topic that was made again is told.
 */
export function judgeCommits(commits: readonly GroupPartition[], records: readonly LogRecord[]): string[] {
  return commits.flatMap(({ pool, partition, committed, high, metadata }) => {
    const at = `I4: the commit of ${pool}/${partition}`;
    if (committed !== high) return [`${at} is ${committed}, the log ends at ${high}`];
    const below = records.filter(
      (record) => record.partition === partition && Number(record.offset) < committed,
    );
    const ts = below.reduce((highest, { timestamp }) => Math.max(highest, timestamp), 0);
    const said = json(metadata ?? "");
    const fields = isRecord(said) ? said : {};
    const wrong = Object.entries({ f: 1, ts, miss: {} }).filter(
      ([name, value]) => JSON.stringify(fields[name]) !== JSON.stringify(value),
    );
    return wrong.map(
      ([name, value]) => `${at} says ${String(metadata)}: ${name} is not ${JSON.stringify(value)}`,
    );
  });
}

/** I8: each pool has a dead letter of every record that can't be read, and of no other. */
export function judgeLetters(
  records: readonly LogRecord[],
  letters: readonly LogRecord[],
  pools: readonly string[],
): string[] {
  const unreadable = records.filter((record) => eventIn(record) === undefined).map(positionOf);
  return pools.flatMap((pool) => {
    const own = letters.filter(({ headers }) => headers["freshet-pool"] === pool);
    const parked = new Set(
      own.map(({ headers }) => `${headers["freshet-partition"]}@${headers["freshet-offset"]}`),
    );
    const expected = new Set(unreadable);
    return [
      ...[...expected].filter((at) => !parked.has(at)).map((at) => `I8: ${pool} has no letter of ${at}`),
      ...[...parked]
        .filter((at) => !expected.has(at))
        .map((at) => `I8: ${pool} has parked ${at}, which can be read`),
    ];
  });
}

/** The id and what matters of a record that is a change event. */
export function eventIn(record: LogRecord): { readonly id: string; readonly own: OwnEvent } | undefined {
  const event = json(record.value?.toString() ?? "");
  if (!isRecord(event) || typeof event["id"] !== "string") return undefined;
  const data = event["data"];
  if (!isRecord(data) || typeof data["version"] !== "number") return undefined;
  const sides = [data["before"], data["after"]].filter(isRecord);
  return {
    id: event["id"],
    own: {
      partition: record.partition,
      offset: Number(record.offset),
      entity: String(event["subject"]),
      version: data["version"],
      change: String(data["change"]),
      changedFields: textsIn(data["changedFields"]),
      teamIds: sides.flatMap((side) => textsIn(side["teamIds"])),
    },
  };
}

/** Entity → version, as a cached value says it. */
function versionsIn(text: string): Map<string, number> {
  const value = json(text);
  const versions = isRecord(value) && isRecord(value["vs"]) ? value["vs"] : {};
  return new Map(
    Object.entries(versions).map(([entity, version]) => [entity.replace(/^profile:/, ""), Number(version)]),
  );
}

function positionOf({ partition, offset }: LogRecord): string {
  return `${partition}@${offset}`;
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
