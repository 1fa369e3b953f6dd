import { FreshetError } from "@freshet/contracts";
import type { Command } from "commander";
import type { z } from "zod";
import { getText, jsonOf } from "../http.ts";
import { baseUrl, jsonOption, type JsonOption, type Session, timeoutOption } from "../session.ts";
import { readinessSchema, statusReport, statusSchema } from "../status-report.ts";

interface StatusOptions extends JsonOption {
  readonly url: string;
  readonly timeout: number;
}

/** `freshet status`: what one replica of the invalidator says of itself. */
export function addStatus(program: Command, session: Session): void {
  const command = session.command(program, "status", "How an invalidator stands, and what to do about it", [
    ["status", "the invalidator of `npm start`"],
    ["status --url http://10.0.0.7:3001", "another one; it serves its own partitions only"],
    ["status --json", "what it says, for machines; exit code 1 when something is wrong"],
  ]);
  command
    .option("--url <url>", "the invalidator's read-only port", baseUrl, "http://127.0.0.1:3001")
    .addOption(timeoutOption("it"))
    .addOption(jsonOption())
    .action(async () => {
      const { url, timeout, json } = command.opts<StatusOptions>();
      const ask = <Schema extends z.ZodType>(path: string, schema: Schema) =>
        get(
          `${url}${path}`,
          schema,
          AbortSignal.any([session.io.signal, AbortSignal.timeout(timeout * 1_000)]),
        );
      const [status, readiness] = await Promise.all([
        ask("/status", statusSchema),
        ask("/health/ready", readinessSchema),
      ]);
      session.report(statusReport(url, status, readiness), json);
    });
}

/** Readiness answers 503 when it fails, with the same body: the body counts. */
async function get<Schema extends z.ZodType>(
  url: string,
  schema: Schema,
  signal: AbortSignal,
): Promise<z.infer<Schema>> {
  const { text } = await getText(url, signal, "INVALIDATOR_UNREACHABLE");
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new FreshetError("INVALIDATOR_UNREACHABLE", `${url} answers, but not as an invalidator does`);
}
