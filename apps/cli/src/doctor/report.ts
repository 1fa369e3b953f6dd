import { counted } from "../problem.ts";
import type { Report } from "../session.ts";
import type { Style } from "../terminal.ts";
import type { Finding, Level } from "./finding.ts";

const styles: Readonly<Record<Level, Style>> = { ok: "green", warning: "yellow", problem: "red" };
const width = "warning".length;

/** Everything that was found, one line each, and what to mend below its line. Pure. */
export function doctorReport(findings: readonly Finding[], deployment: string, nowMs: number): Report {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  return {
    data: { at: new Date(nowMs).toISOString(), deployment, ok: problems === 0, problems, warnings, findings },
    problem: problems > 0,
    print(out) {
      for (const { check, of, level, says, mend } of findings) {
        out.line(
          { text: level.padEnd(width), style: styles[level] },
          ` ${check}${of === "" ? "" : ` ${of}`}: ${says}`,
        );
        if (mend !== null) out.line(" ".repeat(width), { text: ` → ${mend}`, style: "bold" });
      }
      out.line();
      out.line(`${counted(problems, "problem")}, ${counted(warnings, "warning")}, ${count("ok")} ok.`);
    },
  };
}
