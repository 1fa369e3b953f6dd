// npm run test:kills -- --rounds 200 --seed 7
import { expect, test } from "vitest";
import { Kills } from "../support/kills.ts";

const rounds = Number(process.env.KILL_ROUNDS ?? 200);
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);

test(`${rounds} kills at steps that the seed ${seed} chooses: nothing is lost and nothing stays old`, async () => {
  const startedMs = performance.now();
  await using kills = await Kills.begin({ seed });
  const {
    kills: done,
    requests,
    violations,
  } = await kills.run(rounds, (report) => {
    const latest = report.kills.slice(-3).map(({ step, nth }) => `${step} ${nth}`);
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    console.log(
      `${report.kills.length} of ${rounds} kills, ${seconds} s, violations ${report.violations.length}: ${latest.join(", ")}`,
    );
  });
  const perStep = new Map<string, number>();
  for (const { step } of done) perStep.set(step, (perStep.get(step) ?? 0) + 1);
  console.log({ seed, kills: done.length, perStep: Object.fromEntries(perStep), requests, violations });
  expect(violations).toEqual([]);
});
