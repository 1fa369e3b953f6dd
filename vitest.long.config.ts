import { defineConfig } from "vitest/config";

/** What takes many minutes and is not part of npm test: scripts/test-long.mjs runs it. */
export default defineConfig({
  ssr: { resolve: { conditions: ["@freshet/source"] } },
  test: {
    name: "long",
    include: ["test/long/**/*.spec.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/leaks.ts"],
    maxWorkers: 1,
    testTimeout: 3 * 3_600_000,
    hookTimeout: 180_000,
  },
});
