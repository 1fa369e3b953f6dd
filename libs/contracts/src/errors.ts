/**
 * Every error code of Freshet, each with what to do next. Closed: a code is added here or it does not exist.
 * Documents and `freshet` print these lines, so they are written for the person who meets the error.
 */
export const errorCodes = {
  KEY_PARAM_INVALID: "Pass a well-formed string or a safe integer for every parameter of the key template.",
  TEMPLATE_INVALID:
    "Write the key as segments joined by ':', each a literal or exactly one {param}, the first a literal other than 't'.",
  CONTRACT_INVALID:
    "Correct the named field of the event or view definition; docs/architecture.md lists the rules.",
  MANIFEST_INVALID: "Correct the named path of the manifest.",
  POOL_UNKNOWN: "Name a pool of pools.yaml.",
  EVENT_INVALID: "Correct the named field of the event before it is published.",
  OUTBOX_EVENT_TOO_LARGE:
    "Keep routing values short, or split the change: the whole event must fit into 65,536 bytes.",
  OUTBOX_PUBLISH_TIMEOUT:
    "Look at the broker: the batch was rolled back, its rows wait in the outbox and are sent again.",
  CACHE_NODES_INVALID: "Write the pool's nodes as host:port[:weight], separated by commas, each once.",
  CACHE_KEY_INVALID: "Render the key with its view: 1 to 250 bytes, no white space, no control characters.",
  CACHE_VALUE_INVALID: "Store at most 1,000,000 bytes for 1 to 2,592,000 whole seconds (30 days).",
  CACHE_CAS_INVALID:
    "Pass the CAS token of a get or an add of the same driver; CAS 0 would overwrite blindly.",
  CACHE_TIMEOUT:
    "The node did not answer in time and may still execute the command: repeat a delete, cache nothing.",
  CACHE_CONNECTION: "Check that memcached runs at the configured host and port and is reachable from here.",
  CACHE_SERVER_ERROR: "Read the status in the details and memcached's log; the connection was given up.",
  CACHE_OVERLOADED:
    "More requests than allowed wait for this node: lower the load or raise the driver's limits.",
  CACHE_CIRCUIT_OPEN:
    "Look at the errors before it: the node did not answer 20 times in a row; it is tried again each second.",
  LOAD_OVERLOADED:
    "Send the request again later; see why so many reads miss, or why the primary answers them slowly.",
  CACHE_CLOSED: "The cache was closed: close it after everything that uses it.",
  CACHE_NESTED_GET:
    "Load from the primary inside a loader; another cached view may still hold the old value.",
  REFRESH_FAILED:
    "Nothing is wrong in the cache, the keys were deleted: see why the service did not answer with the values.",
  KAFKA_UNREACHABLE:
    "Check that the brokers run and answer at KAFKA_BROKERS, with these TLS and SASL settings.",
  KAFKA_REFUSED: "Read the broker's reason: give this user the right that it names, or correct the setting.",
  KAFKA_TOPIC_UNKNOWN: "Create it with `freshet topics ensure`, or correct its name or MANIFESTS_DIR.",
  KAFKA_PUBLISH_FAILED:
    "Nothing is known to be published: check that the brokers answer; the outbox tries the same rows again.",
  KAFKA_DEAD_LETTER_FAILED: "Create the topic's .dlt or see why it refuses; the partition waits until then.",
  KAFKA_HANDLER_INVALID:
    "Give the application one @EventPattern<string>(freshetBatch) handler that returns { done: bigint }.",
  CONFIG_INVALID:
    "Set the named variables of the environment; docs/configuration.md and docs/cli.md list them.",
  INVALIDATOR_UNREACHABLE:
    "Check that the invalidator runs, and that the URL names its read-only port (3001 by default), or its admin port (3101; closed without ADMIN_TOKEN).",
  SERVICE_UNREACHABLE:
    "Check that the service runs, and that the URL names its operator's port (3001 of an invalidator, 3100 of a service).",
  DATABASE_UNREACHABLE:
    "Check DATABASE_URL: that PostgreSQL answers there, and that this user may read the outbox's tables.",
  ADMIN_REFUSED:
    "Give `freshet` the invalidator's ADMIN_TOKEN (or ADMIN_TOKEN_FILE), and do what the port's answer says.",
  DATABASE_FAILED: "Check DATABASE_URL (or DATABASE_URL_FILE) and the query, by what PostgreSQL says.",
  REPAIR_ROWS_INVALID:
    "Let the query return a column subject, the entity's id, and one for each routing value of the event.",
  LETTER_UNKNOWN: "Name an event as `freshet dlt list` shows it; letters leave with their topic's retention.",
  EVENTS_UNREADABLE: "Give a file, or - for standard input, with one event, an array of them, or one a line.",
  CLI_USAGE: "Run the command with --help: it shows its arguments, options and examples.",
} as const satisfies Record<string, string>;

/** One of the closed list of codes. */
export type ErrorCode = keyof typeof errorCodes;

/** An error with a stable code; `details` holds plain data for logs, never personal data. */
export class FreshetError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FreshetError";
    this.code = code;
    this.details = options.details ?? {};
  }

  /** What the person who meets this error should do next. */
  get remedy(): string {
    return errorCodes[this.code];
  }
}
