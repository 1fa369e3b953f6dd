import { type RoutingType } from "@freshet/contracts";

/** What the functions are written from. Names are quoted identifiers, texts are quoted literals. */
export interface TriggerParts {
  readonly table: string;
  /** The table's name without its schema, not quoted: the functions and triggers are named after it. */
  readonly name: string;
  readonly quote: (name: string) => string;
  readonly id: string;
  readonly version: string;
  readonly marker: string | undefined;
  readonly fields: readonly Column[];
  readonly routing: readonly (Column & { readonly type: RoutingType })[];
  readonly source: string;
  readonly type: string;
  readonly entity: string;
  readonly topic: string;
  readonly keepsRow: boolean;
  readonly maxPayloadBytes: number;
}

interface Column {
  readonly name: string;
  readonly column: string;
}

/** What a routing value may be, as decoding will judge it: a write that can't be announced must not be committed. */
const paths = {
  string: `strict $ ? (@.type() == "string")`,
  integer: `strict $ ? (@.type() == "number" && @.floor() == @ && @.abs() <= ${Number.MAX_SAFE_INTEGER})`,
  "[string]": `strict $ ? (@.type() == "array" && !exists (@[*] ? (@.type() != "string")))`,
  "[integer]": `strict $ ? (@.type() == "array" && !exists (@[*] ? (@.type() != "number" || @.floor() != @ || @.abs() > ${Number.MAX_SAFE_INTEGER})))`,
} as const;

/** Four functions and three triggers; running it again replaces them. */
export function functionsSql(parts: TriggerParts): string {
  return [
    tombstonesSql,
    routingSql(parts),
    addSql(parts),
    versionSql(parts),
    eventSql(parts),
    truncateSql(parts),
    `-- The version is raised before the row is written, the event is added after it: as the service does.
${triggerSql(parts, "version", "BEFORE INSERT OR UPDATE", "ROW")}
${triggerSql(parts, "event", "AFTER INSERT OR UPDATE OR DELETE", "ROW")}
${triggerSql(parts, "truncate", "BEFORE TRUNCATE", "STATEMENT")}`,
  ].join("\n\n");
}

function triggerSql(
  { table, name, quote }: TriggerParts,
  step: string,
  when: string,
  each: "ROW" | "STATEMENT",
): string {
  const trigger = quote(`${name}_outbox_${step}`);
  return `DROP TRIGGER IF EXISTS ${trigger} ON ${table};
CREATE TRIGGER ${trigger} ${when} ON ${table} FOR EACH ${each} EXECUTE FUNCTION ${trigger}();`;
}

const tombstonesSql = `-- The last version of ids whose row is gone, so that it goes on rising should the id come back.
CREATE TABLE IF NOT EXISTS outbox_tombstones (
  aggregatetype text   NOT NULL,
  aggregateid   text   NOT NULL,
  version       bigint NOT NULL,
  PRIMARY KEY (aggregatetype, aggregateid)
);`;

// A transaction-local setting, once set, is the empty string afterwards and not null.
const byService = "coalesce(current_setting('freshet.outbox', true), '') = 'service'";

function functionSql(head: string, body: string): string {
  // The search path of whoever installs it: a caller's own could name another outbox_events, or none.
  return `CREATE OR REPLACE FUNCTION ${head}
LANGUAGE plpgsql SET search_path FROM CURRENT AS $freshet$
${body}
$freshet$;`;
}

function routingSql({ table, name, quote, routing, type }: TriggerParts): string {
  const checks = routing.map(({ name: value, column, type: kind }) => {
    const optional = kind.endsWith("?") ? `changed.${column} IS NULL OR ` : "";
    const path = Object.entries(paths).find(([each]) => each === kind.replace("?", ""))?.[1] ?? "$";
    return `  IF NOT (${optional}coalesce(jsonb_path_exists(to_jsonb(changed.${column}), '${path}'), false)) THEN
    RAISE EXCEPTION 'EVENT_INVALID: % %: no ${kind}', ${type}, ${value} USING ERRCODE = 'check_violation';
  END IF;`;
  });
  const pairs = routing.map(({ name: value, column }) => `${value}, changed.${column}`);
  return functionSql(
    `${quote(`${name}_outbox_routing`)}(changed ${table}) RETURNS jsonb`,
    `BEGIN
${checks.join("\n")}
  RETURN jsonb_build_object(${pairs.join(", ")});
END`,
  );
}

function addSql(parts: TriggerParts): string {
  const { name, quote, source, type, entity, topic, keepsRow, maxPayloadBytes } = parts;
  return functionSql(
    `${quote(`${name}_outbox_add`)}(
  subject text, version bigint, change text, changed_fields text[], before jsonb, after jsonb) RETURNS void`,
    `DECLARE
  now timestamptz := clock_timestamp();
  -- A UUID v7: the time in front, then the version and the variant over random bits.
  event_id uuid := encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM now) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex');
  payload json;
BEGIN
  IF octet_length(convert_to(subject, 'UTF8')) NOT BETWEEN 1 AND 1024 THEN
    RAISE EXCEPTION 'EVENT_INVALID: % id: must have 1 to 1024 bytes', ${type} USING ERRCODE = 'check_violation';
  END IF;
  payload := json_build_object('specversion', '1.0', 'id', event_id, 'source', ${source}, 'type', ${type},
    'subject', subject, 'time', to_char(now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'data', jsonb_build_object('version', version, 'change', change, 'before', before, 'after', after)
      || CASE WHEN changed_fields IS NULL THEN '{}' ELSE jsonb_build_object('changedFields', changed_fields) END);
  IF octet_length(convert_to(payload::text, 'UTF8')) > ${maxPayloadBytes} THEN
    RAISE EXCEPTION 'OUTBOX_EVENT_TOO_LARGE: % has more than ${maxPayloadBytes} bytes', ${type}
      USING ERRCODE = 'check_violation';
  END IF;
  INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, topic, payload)
    VALUES (event_id, ${entity}, subject, ${type}, ${topic}, payload);${
      keepsRow
        ? ""
        : `
  -- Debezium reads the row from the write-ahead log.
  DELETE FROM outbox_events WHERE id = event_id AND seq = currval('outbox_events_seq_seq');`
    }
END`,
  );
}

function versionSql({ name, quote, id, version, marker, fields, routing, entity }: TriggerParts): string {
  const columns = [
    ...new Set(
      [...fields, ...routing].map(({ column }) => column).concat(marker === undefined ? [] : [marker]),
    ),
  ];
  const values = (side: string) =>
    `ROW(${columns.map((column) => `to_jsonb(${side}.${column})`).join(", ")})`;
  return functionSql(
    `${quote(`${name}_outbox_version`)}() RETURNS trigger`,
    `DECLARE
  last bigint;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.${id} IS NOT DISTINCT FROM NEW.${id} THEN
    IF ${byService} OR NEW.${version} > OLD.${version} THEN
      RETURN NEW;
    END IF;
    NEW.${version} := OLD.${version};
    IF ${values("OLD")} IS DISTINCT FROM ${values("NEW")} THEN
      NEW.${version} := OLD.${version} + 1;
    END IF;
    RETURN NEW;
  END IF;
  -- An id that was there before goes on after its last version; whoever inserts reads it back by RETURNING.
  SELECT t.version INTO last FROM outbox_tombstones t WHERE t.aggregatetype = ${entity} AND t.aggregateid = NEW.${id}::text;
  NEW.${version} := greatest(NEW.${version}, last + 1, 1);
  RETURN NEW;
END`,
  );
}

function eventSql({ name, quote, id, version, marker, fields, entity }: TriggerParts): string {
  const living = (side: string) => (marker === undefined ? "" : ` AND ${side}.${marker} IS NOT NULL`);
  const add = quote(`${name}_outbox_add`);
  const routing = (side: string) => `${quote(`${name}_outbox_routing`)}(${side})`;
  const changed = fields.map(
    ({ name: field, column }) =>
      `CASE WHEN to_jsonb(OLD.${column}) IS DISTINCT FROM to_jsonb(NEW.${column}) THEN ${field} END`,
  );
  return functionSql(
    `${quote(`${name}_outbox_event`)}() RETURNS trigger`,
    `DECLARE
  was boolean := TG_OP <> 'INSERT'${living("OLD")};
  stays boolean := TG_OP <> 'DELETE'${living("NEW")};
  goes boolean := TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.${id} IS DISTINCT FROM NEW.${id});
  comes boolean := TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND OLD.${id} IS DISTINCT FROM NEW.${id});
  last bigint;
BEGIN
  IF goes THEN
    INSERT INTO outbox_tombstones AS t VALUES (${entity}, OLD.${id}::text, OLD.${version} + 1)
      ON CONFLICT (aggregatetype, aggregateid) DO UPDATE SET version = greatest(t.version, excluded.version);
  END IF;
  IF comes THEN
    -- A DELETE that committed after the version was chosen is seen here: the row waited for it.
    DELETE FROM outbox_tombstones t WHERE t.aggregatetype = ${entity} AND t.aggregateid = NEW.${id}::text
      RETURNING t.version INTO last;
    IF last >= NEW.${version} THEN
      RAISE EXCEPTION 'the row was deleted while it was inserted: try again'
        USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  IF ${byService} THEN
    RETURN NULL;
  END IF;
  IF goes AND was THEN
    PERFORM ${add}(OLD.${id}::text, OLD.${version} + 1, 'deleted', NULL, ${routing("OLD")}, NULL);
  END IF;
  IF comes AND stays THEN
    PERFORM ${add}(NEW.${id}::text, NEW.${version}, 'created', NULL, NULL, ${routing("NEW")});
  END IF;
  IF goes OR comes OR NEW.${version} = OLD.${version} THEN
    RETURN NULL; -- nothing that is announced has changed
  END IF;
  IF was AND stays THEN
    PERFORM ${add}(NEW.${id}::text, NEW.${version}, 'updated', array_remove(ARRAY[
      ${changed.join(",\n      ")}], NULL),
      ${routing("OLD")}, ${routing("NEW")});
  ELSIF was THEN
    PERFORM ${add}(NEW.${id}::text, NEW.${version}, 'deleted', NULL, ${routing("OLD")}, NULL);
  ELSIF stays THEN
    PERFORM ${add}(NEW.${id}::text, NEW.${version}, 'created', NULL, NULL, ${routing("NEW")});
  END IF;
  RETURN NULL;
END`,
  );
}

function truncateSql({ name, quote }: TriggerParts): string {
  return functionSql(
    `${quote(`${name}_outbox_truncate`)}() RETURNS trigger`,
    `BEGIN
  IF NOT ${byService} THEN
    RAISE EXCEPTION 'TRUNCATE tells no row: nothing cached would be invalidated'
      USING HINT = 'DELETE the rows, or SET LOCAL freshet.outbox = ''service'' and flush the caches.';
  END IF;
  RETURN NULL;
END`,
  );
}
