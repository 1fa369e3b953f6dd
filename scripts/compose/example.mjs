import assert from "node:assert/strict";
import { waitUntil } from "../local/wait.mjs";
import { commandsOf, composeArguments } from "./documents.mjs";
import { run } from "./stack.mjs";

const README = "examples/team-service/README.md";
const SHOWN = "http://127.0.0.1:3200";

/**
 * Starts the second service as its README says and uses it; what a profile's change makes of its pages is the bus's.
 * @param {import("./stack.mjs").Stack} stack
 * @param {{ api: string, teams: string }} urls
 * @param {AbortSignal} signal
 */
export async function playExample(stack, { api, teams }, signal) {
  const [up = "", name = "", read = ""] = commandsOf(README, "scripts/compose/example.mjs");
  await stack.compose(...composeArguments(up));

  const shell = (/** @type {string} */ command) =>
    run("bash", ["-c", command.replace(SHOWN, teams)], { signal });
  const untilPage = (/** @type {RegExp} */ wanted) =>
    waitUntil(`${read} to answer ${String(wanted)}`, async () => wanted.test(await shell(read)), {
      timeoutMs: 60_000,
      signal,
    });
  const send = async (
    /** @type {string} */ method,
    /** @type {string} */ path,
    /** @type {object} */ body,
  ) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(api + path, { method, headers, body: JSON.stringify(body), signal });
    assert.ok(answer.ok, `${method} ${path} answered ${answer.status}`);
  };

  assert.match(await shell(name), /"name":"Analysts"/);
  await untilPage(/^x-cache: HIT\b.*"members":\[\]/ims);
  await send("POST", "/profiles", {
    id: "charles",
    handle: "charles",
    displayName: "Charles",
    teamIds: ["t1"],
  });
  await untilPage(/^x-cache: HIT\b.*"displayName":"Charles"/ims);
  await send("PATCH", "/profiles/charles", { displayName: "Charles Babbage" });
  await untilPage(/^x-cache: HIT\b.*"displayName":"Charles Babbage"/ims);
  return "a team's page, cached by a second service, follows the profiles of the first (the bus has deleted it)";
}
