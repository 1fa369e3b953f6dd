// The fields of a JSON Schema as rows of a document's table.

/**
 * @typedef {{
 *   readonly type?: string, readonly const?: unknown, readonly enum?: readonly string[],
 *   readonly anyOf?: readonly Field[], readonly properties?: Readonly<Record<string, Field>>,
 *   readonly additionalProperties?: Field, readonly items?: Field, readonly required?: readonly string[],
 *   readonly default?: unknown, readonly description?: string, readonly minimum?: number,
 *   readonly maximum?: number, readonly pattern?: string
 * }} Field the part of a JSON Schema that our formats use
 */

/**
 * Every field with its path, what it must be, its default and its meaning.
 * @param {Field} schema
 * @param {string} [path]
 * @returns {string[]}
 */
export function schemaRows(schema, path = "") {
  const required = schema.required ?? [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const given = field.default === undefined ? "–" : `\`${JSON.stringify(field.default)}\``;
    const fallback = required.includes(name) ? "required" : given;
    const inner = insideOf(field);
    return [
      `| \`${at}\` | ${kindOf(field)} | ${fallback} | ${field.description ?? ""} |`,
      ...inner.flatMap(([step, within]) => schemaRows(within, `${at}${step}`)),
    ];
  });
}

/**
 * Objects below a field: one by name, elements of a list, or one of several forms.
 * @param {Field} field
 * @returns {[step: string, within: Field][]}
 */
function insideOf(field) {
  if (field.properties) return [["", field]];
  if (field.additionalProperties?.properties) return [[".<name>", field.additionalProperties]];
  if (field.items?.properties) return [["[]", field.items]];
  return (field.anyOf ?? []).flatMap((form) => (form.properties ? [["", form]] : []));
}

/** @param {Field} field
 * @returns {string} */
function kindOf(field) {
  if ("const" in field) return `\`${JSON.stringify(field.const)}\``;
  if (field.enum) return field.enum.map((each) => `\`${each}\``).join(", ");
  if (field.anyOf) return [...new Set(field.anyOf.map(kindOf))].join(" or ");
  const range =
    field.minimum === undefined || field.maximum === undefined || field.maximum > 9e15
      ? ""
      : `, ${field.minimum} to ${field.maximum}`;
  const form =
    field.pattern && field.pattern.length < 60 ? ` like \`${field.pattern.replaceAll("|", "\\|")}\`` : "";
  return `${field.type === "array" ? "list" : (field.type ?? "any")}${range}${form}`;
}
