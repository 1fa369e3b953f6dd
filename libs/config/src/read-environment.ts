import { readFileSync } from "node:fs";
import type { z } from "zod";

/** What `process.env` is; only an app's config.ts passes it in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every wrong setting of an app at once, each line naming the variable and the remedy; never a secret's value. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the environment is not usable:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads the variables that the schema names. An empty variable counts as absent; `<NAME>_FILE` names a file that
 * holds the value (for secrets), and setting both is refused.
 * @throws ConfigError listing every wrong variable
 */
export function readEnvironment<Schema extends z.ZodObject>(
  schema: Schema,
  environment: Environment,
): z.infer<Schema> {
  const problems: string[] = [];
  const values: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = valueOf(name, environment, problems);
    if (value !== undefined) values[name] = value;
  }
  const parsed = schema.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0] ?? "");
    const field = schema.shape[name] as z.ZodType | undefined;
    const found = name in values ? issue.message : "is not set";
    problems.push(`${name}: ${found}. ${field?.description ?? ""}`.trimEnd());
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

/** The rows of the documents' settings table: variable, default, meaning. */
export function settingsTable(schema: z.ZodObject): { name: string; default: string; meaning: string }[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const fallback = (field as z.ZodType).safeParse(undefined);
    const shown = fallback.success && fallback.data !== undefined ? printed(fallback.data) : "–";
    return { name, default: shown, meaning: (field as z.ZodType).description ?? "" };
  });
}

function valueOf(name: string, environment: Environment, problems: string[]): string | undefined {
  const direct = environment[name] === "" ? undefined : environment[name];
  const file = environment[`${name}_FILE`];
  if (file === undefined || file === "") return direct;
  if (direct !== undefined) {
    problems.push(`${name} and ${name}_FILE are both set: keep one of them`);
    return undefined;
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    problems.push(`${name}_FILE: the file ${file} cannot be read`);
    return undefined;
  }
}

function printed(value: unknown): string {
  if (typeof value === "boolean") return value ? "on" : "off"; // as settings.ts's onOff is written
  if (Array.isArray(value)) return value.map(String).join(",");
  return typeof value === "object" ? "–" : JSON.stringify(value);
}
