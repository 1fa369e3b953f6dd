import type { Finding } from "../../apps/cli/src/doctor/finding.ts";

/** What is wrong, as `level of: says → mend`. */
export function wrong(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ level }) => level !== "ok")
    .map(({ level, of, says, mend }) => `${level} ${of}: ${says} → ${String(mend)}`);
}
