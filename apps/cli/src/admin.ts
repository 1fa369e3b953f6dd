import { FreshetError } from "@freshet/contracts";
import { type Command, Option } from "commander";
import { z } from "zod";
import { adminAccess } from "./config.ts";
import { jsonOf, request } from "./http.ts";
import { baseUrl, jsonOption, type JsonOption, type Report, type Session, timeoutOption } from "./session.ts";

export interface AdminOptions extends JsonOption {
  readonly pool: string;
  readonly adminUrl?: string;
  readonly timeout: number;
}

const problem = z.looseObject({ detail: z.string(), code: z.string().optional() });

/** --pool, --admin-url and --timeout of a command that the admin port answers. */
export function adminOptions(command: Command, defaultSeconds?: number): Command {
  return command
    .requiredOption("--pool <name>", "the pool")
    .addOption(adminUrlOption())
    .addOption(timeoutOption("it", defaultSeconds))
    .addOption(jsonOption());
}

function adminUrlOption(): Option {
  return new Option(
    "--admin-url <url>",
    "admin port of any replica (default: ADMIN_URL, or http://127.0.0.1:3101)",
  ).argParser(baseUrl);
}

/**
 * Asks the admin port for one thing to be done to a pool, and reads its answer.
 * @throws FreshetError INVALIDATOR_UNREACHABLE, ADMIN_REFUSED, POOL_UNKNOWN
 */
export async function askAdmin<Schema extends z.ZodType>(
  session: Session,
  { pool, adminUrl, timeout }: Pick<AdminOptions, "pool" | "adminUrl" | "timeout">,
  action: "pause" | "resume" | "settle" | "flush",
  schema: Schema,
  body: object = {},
): Promise<z.infer<Schema>> {
  const { environment, signal } = session.io;
  const { url, token } = adminAccess(environment, adminUrl);
  const at = `${url}/pools/${encodeURIComponent(pool)}/${action}`;
  const init = {
    method: "POST",
    redirect: "error", // the token is for this address alone
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeout * 1_000)]),
  } as const;
  const { httpStatus, text } = await request(at, init, "INVALIDATOR_UNREACHABLE");
  const answer = jsonOf(text);
  const parsed = schema.safeParse(answer);
  if (httpStatus === 200 && parsed.success) return parsed.data;
  const refused = problem.safeParse(answer);
  if (!refused.success)
    throw new FreshetError("INVALIDATOR_UNREACHABLE", `${at} answers, but not as an admin port does`);
  const { detail, code } = refused.data;
  throw new FreshetError(code === "POOL_UNKNOWN" ? code : "ADMIN_REFUSED", `${at}: ${detail}`);
}

/** What was done, in a sentence and as the answer itself. */
export function done(data: unknown, sentence: string): Report {
  return {
    data,
    problem: false,
    print(out) {
      out.line(sentence);
    },
  };
}
