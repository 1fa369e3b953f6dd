import { writeFileSync } from "node:fs";
import { type Reporter, type TestModule } from "vitest/node";

/**
 * Writes how many tests passed and failed, as JSON, to the file that COUNTS_FILE names: vitest's own last
 * lines are made for people. A file that failed outside its tests (it leaked a process) counts as one failure.
 */
export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state !== "skipped") failed += 1;
      }
      if (module.errors().length > 0) failed += 1;
    }
    if (process.env.COUNTS_FILE !== undefined)
      writeFileSync(process.env.COUNTS_FILE, JSON.stringify({ passed, failed }));
  }
}
