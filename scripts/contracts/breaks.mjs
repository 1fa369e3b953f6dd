// What of a released contract its users could no longer rely on. Pure: plain data in, named reasons out.

/** @typedef {{ [name: string]: unknown }} Schema a JSON Schema, or a part of it */
/** @typedef {Readonly<Record<string, readonly string[]>>} Names kind → its names */

/**
 * Names that were promised and are gone: metrics, error codes, settings, commands.
 * @param {Names} released
 * @param {Names} current
 * @returns {string[]}
 */
export function namesGone(released, current) {
  return Object.entries(released).flatMap(([kind, names]) => {
    const there = new Set(current[kind]);
    return names.filter((name) => !there.has(name)).map((name) => `${kind}: ${name} is gone`);
  });
}

/**
 * Where a JSON Schema says something else than the released one. What others write (`written`) may be allowed more, and
 * nothing more be demanded of it; what they read (`read`) may hold more, and nothing less. Anything that this does not
 * understand counts as a break when it has changed.
 * @param {Schema} released
 * @param {Schema} current
 * @param {"written" | "read"} direction
 * @param {string} [path]
 * @returns {string[]}
 */
export function schemaBreaks(released, current, direction, path = "") {
  const at = path === "" ? "the document" : path;
  const keys = new Set([...Object.keys(released), ...Object.keys(current)]);
  return [...keys].flatMap((key) => {
    const [was, is] = [released[key], current[key]];
    if (explaining.has(key) || same(was, is)) return [];
    if (key === "properties" || key === "$defs")
      return propertyBreaks(record(was), record(is), direction, path);
    if (key === "required") return requiredBreaks(list(was), list(is), direction, at);
    if (key === "enum") return enumBreaks(list(was), list(is), direction, at);
    const isNested = isRecord(was) && isRecord(is) && nesting.has(key);
    if (isNested) return schemaBreaks(was, is, direction, `${path}.${key}`);
    if (choices.has(key)) return choiceBreaks(list(was), list(is), direction, path, key);
    return [`${at}: ${key} was ${shown(was)} and is ${shown(is)}`];
  });
}

/** What says nothing about which documents are valid. */
const explaining = new Set(["title", "description", "default", "examples", "$schema", "$id", "$comment"]);
const nesting = new Set(["items", "additionalProperties", "propertyNames", "not"]);
const choices = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);

/**
 * @param {Schema} was
 * @param {Schema} is
 * @param {"written" | "read"} direction
 * @param {string} path
 */
function propertyBreaks(was, is, direction, path) {
  return Object.entries(was).flatMap(([name, schema]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const now = is[name];
    return now === undefined ? [`${at} is gone`] : schemaBreaks(record(schema), record(now), direction, at);
  });
}

/**
 * @param {readonly unknown[]} was
 * @param {readonly unknown[]} is
 * @param {"written" | "read"} direction
 * @param {string} at
 */
function requiredBreaks(was, is, direction, at) {
  return direction === "written"
    ? is.filter((name) => !was.includes(name)).map((name) => `${at}: ${String(name)} is demanded now`)
    : was.filter((name) => !is.includes(name)).map((name) => `${at}: ${String(name)} may be absent now`);
}

/**
 * @param {readonly unknown[]} was
 * @param {readonly unknown[]} is
 * @param {"written" | "read"} direction
 * @param {string} at
 */
function enumBreaks(was, is, direction, at) {
  return direction === "written"
    ? was.filter((value) => !is.includes(value)).map((value) => `${at}: ${shown(value)} is refused now`)
    : is.filter((value) => !was.includes(value)).map((value) => `${at}: ${shown(value)} is a new value`);
}

/**
 * @param {readonly unknown[]} was
 * @param {readonly unknown[]} is
 * @param {"written" | "read"} direction
 * @param {string} path
 * @param {string} key
 */
function choiceBreaks(was, is, direction, path, key) {
  return was.flatMap((choice, index) => {
    const now = is.find((one) => same(one, choice)) ?? is[index];
    const at = `${path}.${key}[${index}]`;
    return now === undefined ? [`${at} is gone`] : schemaBreaks(record(choice), record(now), direction, at);
  });
}

/** @param {unknown} value */
function shown(value) {
  return value === undefined ? "absent" : JSON.stringify(value);
}

/**
 * @param {unknown} one
 * @param {unknown} other
 */
function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * @param {unknown} value
 * @returns {value is Schema}
 */
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
function record(value) {
  return isRecord(value) ? value : {};
}

/**
 * @param {unknown} value
 * @returns {readonly unknown[]}
 */
function list(value) {
  return Array.isArray(value) ? value : [];
}
