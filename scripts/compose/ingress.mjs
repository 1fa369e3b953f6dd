import assert from "node:assert/strict";
import { waitUntil } from "../local/wait.mjs";
import { commandsOf } from "./documents.mjs";

const DOCUMENT = "docs/ingress.md";
const ID = "past-the-service";
const NAME = "Changed by SQL";

/**
 * Starts the ingress as its document says, changes a cached profile past its service, and tells the bus by HTTP; the
 * new name is then read.
 * @param {import("./stack.mjs").Stack} stack
 * @param {{ api: string, ingress: string }} urls
 * @param {AbortSignal} signal
 */
export async function playIngress(stack, { api, ingress }, signal) {
  const [command = ""] = commandsOf(DOCUMENT, "scripts/compose/ingress.mjs");
  const [, name = "", value = "", args = ""] = /^(\w+)='(.+)' docker compose (.+)$/.exec(command) ?? [];
  stack.set(name, value);
  await stack.compose(...args.split(" "));

  const [token = ""] = value.split(" ");
  const post = async (
    /** @type {string} */ url,
    /** @type {string} */ type,
    /** @type {object} */ body,
    bearer = token,
  ) => {
    const headers = { "content-type": type, authorization: `Bearer ${bearer}` };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
    return `${answer.status} ${await answer.text()}`;
  };
  const untilRead = (/** @type {string} */ displayName) =>
    waitUntil(
      `a hit of ${ID} named ${displayName}`,
      async () => {
        const answer = await fetch(`${api}/profiles/${ID}`, { signal });
        const text = await answer.text();
        return answer.headers.get("x-cache") === "HIT" && text.includes(`"displayName":"${displayName}"`);
      },
      { timeoutMs: 60_000, signal },
    );

  const created = { id: ID, handle: ID, displayName: "Ada" };
  assert.match(await post(`${api}/profiles`, "application/json", created), /^201 /);
  await untilRead("Ada");
  const update = `UPDATE profiles SET display_name = '${NAME}', version = 2 WHERE id = '${ID}'`;
  await stack.compose("exec", "-T", "postgres", "psql", "-U", "freshet", "-c", update);

  const side = { handle: ID, teamIds: [] };
  const data = { version: 2, change: "updated", changedFields: ["displayName"], before: side, after: side };
  const event = {
    specversion: "1.0",
    id: ID,
    source: "profile-service",
    type: "ProfileChanged",
    subject: ID,
  };
  const send = (/** @type {object} */ body, bearer = token) =>
    post(`${ingress}/events`, "application/cloudevents+json", body, bearer);
  assert.match(await send({ ...event, data }, "not-the-token-of-anyone"), /^401 /);
  assert.match(await send({ ...event, data: { ...data, version: "2" } }), /^400 .*data\.version/);
  await untilRead("Ada");
  assert.equal(await send({ ...event, data }), '200 {"accepted":1}');
  await untilRead(NAME);
  return "a change that SQL made past the service, told over HTTP, is read; a bad token and a bad event are refused";
}
