// One change reaches every key of every service that was built from it, at length: test/e2e/fan-out.spec.ts is the
// small one. `npm run test:fan-out -- --profiles 10000 --teams 500 --minutes 3 --seed 7`.
import { expect, test } from "vitest";
import { FanOut } from "../support/fan-out.ts";
import { everyKeyIsReached } from "../support/fan-out-story.ts";

const size = (name: string, otherwise: number) => Number(process.env[`FAN_OUT_${name}`] ?? otherwise);
const sizes = { profiles: size("PROFILES", 1_000), teams: size("TEAMS", 50), seed: size("SEED", 1) };
const seconds = size("SECONDS", 60);

test("for minutes, no cached value of three services stays behind the databases, and no other key is touched", async () => {
  await using fanOut = await FanOut.create();
  await Promise.all([fanOut.startInvalidator("profiles,search"), fanOut.startInvalidator("teams")]);
  const halfTheTime = () => {
    const endMs = Date.now() + seconds * 500;
    return () => Date.now() < endMs;
  };
  const figures = await everyKeyIsReached(fanOut, sizes, halfTheTime);
  console.log({ seconds, ...figures });
  expect(figures["changes"]).toBeGreaterThan(0);
});
