import { entityKey, FreshetError, type Versions, type ViewDefinition } from "@freshet/contracts";

/** One row of primary data that a value was built from. */
export interface EntityVersion {
  /** The kind of entity; may be left out where all events of the view are about one kind. */
  readonly entity?: string;
  readonly id: string | number;
  readonly version: number;
}

/** What a loader read from the primary; value null: there is no such row. */
export interface Loaded<Value> {
  readonly rows: readonly EntityVersion[];
  readonly value: Value | null;
  /** For tags of members: the parameters of each member's tags. */
  readonly members?: readonly Readonly<Record<string, string | number>>[];
}

/**
 * Names the rows that a loaded value was built from: `versioned(row)` for a row that is the value itself (null or
 * undefined: absent), `versioned(rows, value)` otherwise, also for a deleted row whose version is known:
 * `versioned({ id, version }, null)`. A view with tags of members is told them: `versioned(rows, value, { members })`.
 */
export function versioned(absent: null | undefined): Loaded<never>;
export function versioned<Row extends EntityVersion>(row: Row | null | undefined): Loaded<Row>;
export function versioned<Value>(
  rows: EntityVersion | readonly EntityVersion[],
  value: Value | null,
  tagged?: Pick<Loaded<Value>, "members">,
): Loaded<Value>;
export function versioned(
  rows: EntityVersion | readonly EntityVersion[] | null | undefined,
  ...built: [value?: unknown, tagged?: Pick<Loaded<unknown>, "members">]
): Loaded<unknown> {
  if (rows === null || rows === undefined) return { rows: [], value: null };
  if (isList(rows)) return { rows, value: built[0] ?? null, ...built[1] };
  return built.length === 0
    ? { rows: [{ id: rows.id, version: rows.version }], value: rows }
    : { rows: [rows], value: built[0] ?? null, ...built[1] };
}

/**
 * The versions that a value is stored with. An absent row without a known version stands at 0 under the entity
 * that its key names; where the key names none, nothing is known.
 * @throws FreshetError CONTRACT_INVALID when a row does not say what it is a version of
 */
export function versionsOf(
  view: ViewDefinition,
  params: Readonly<Record<string, string | number>>,
  { rows, value }: Loaded<unknown>,
): Versions {
  if (rows.length > 0) return Object.fromEntries(rows.map((row) => versionEntry(view, row)));
  // What a view with tags was built from may be no row at all: a search that finds nothing.
  if (value !== null && view.tags.length === 0)
    throw new FreshetError(
      "CONTRACT_INVALID",
      `${view.name}: the loader names no row that its value was built from`,
    );
  const named = view.dependsOn.flatMap(({ event, params: paths }) =>
    Object.entries(paths).flatMap(([param, path]) => {
      const id = params[param];
      return path === "subject" && id !== undefined
        ? [[entityKey(event.entity, String(id)), 0] as const]
        : [];
    }),
  );
  return Object.fromEntries(named);
}

function versionEntry(view: ViewDefinition, row: EntityVersion): readonly [string, number] {
  const [entity = row.entity, ...others] = row.entity === undefined ? entitiesOf(view) : [];
  if (entity === undefined || others.length > 0)
    throw new FreshetError(
      "CONTRACT_INVALID",
      `${view.name}: several kinds of entities; name that of each row`,
    );
  if (!Number.isSafeInteger(row.version) || row.version < 0)
    throw new FreshetError(
      "CONTRACT_INVALID",
      `${view.name}: version ${String(row.version)} is no safe integer`,
    );
  return [entityKey(entity, String(row.id)), row.version];
}

/** The kinds of entities whose events invalidate a view. */
function entitiesOf({ dependsOn, derivedFrom, tags }: ViewDefinition): ReadonlySet<string> {
  const own = [...dependsOn, ...tags].map(({ event }) => event.entity);
  return new Set([...own, ...derivedFrom.flatMap((base) => [...entitiesOf(base)])]);
}

function isList(rows: EntityVersion | readonly EntityVersion[]): rows is readonly EntityVersion[] {
  return Array.isArray(rows);
}
