import { randomUUID } from "node:crypto";
import {
  CachePool,
  type CacheEvent,
  type CreateDriver,
  ReadThroughCache,
  refresh,
  versioned,
} from "@freshet/cache";
import {
  defineView,
  encodeCachedValue,
  FreshetError,
  renderKey,
  tag,
  type ViewDefinition,
} from "@freshet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { refreshedKeys, plainKeys, type Protocol, taggedValues } from "../../model/protocol.ts";
import { undisturbedRead, undisturbedRefresh } from "../../model/undisturbed.ts";
import { intercepted } from "./intercepted.ts";
import { Memcached } from "./memcached.ts";
import { ProfileChanged, userProfile } from "./primary.ts";
import { blindSet } from "./raw.ts";

// The model in test/model explores steps. Here the code takes the same ones: each of its commands is refused in
// turn, and what the cache says then, by the step's name, is compared with what a reader of the model does.

const tagged = defineView({
  name: "tagged",
  key: "tagged:{profileId}",
  pool: "profiles",
  value: z.object({ version: z.int() }),
  tags: [tag("profile:{profileId}", ProfileChanged, { params: { profileId: "subject" } })],
});

let memcached: Memcached;

beforeAll(async () => {
  memcached = await Memcached.start();
});
afterAll(() => memcached[Symbol.asyncDispose]());

/** The commands that were sent; the one at `refused` is not, as if it were never answered. */
function recording(commands: string[], refused: number): CreateDriver {
  return intercepted((command, send) =>
    commands.push(command) - 1 === refused
      ? Promise.reject(new FreshetError("CACHE_TIMEOUT", "by the test"))
      : send(),
  );
}

/** What one read sends, and the step that it failed in when a command was refused. */
async function play(
  view: ViewDefinition<string, "profileId", { version: number }>,
  standing: string | undefined,
  refused: number,
): Promise<{ commands: string[]; failedIn: string | undefined }> {
  const id = randomUUID();
  const commands: string[] = [];
  let failedIn: string | undefined;
  const cache = new ReadThroughCache({
    pools: { profiles: { nodes: memcached.node.name } },
    limits: { timeoutMs: 10_000 },
    createDriver: recording(commands, refused),
    on: (event: CacheEvent) => {
      if (event.type === "error") failedIn ??= event.step;
    },
  });
  if (standing !== undefined)
    await blindSet(memcached.port, renderKey(view.key, { profileId: id }), standing.replaceAll("ID", id));
  const load = () => {
    commands.push("load");
    return Promise.resolve(versioned({ id, version: 2, name: "Ada" }));
  };
  const min = { [`profile:${id}`]: 2 };
  expect((await cache.read(view, { profileId: id }, load, { min })).value).toMatchObject({ version: 2 });
  cache.close();
  return { commands, failedIn };
}

/** The steps of a read, each command by the name of the step that sent it. */
async function stepsOf(view: ViewDefinition<string, "profileId", { version: number }>, standing?: string) {
  const { commands } = await play(view, standing, -1);
  const steps: string[] = [];
  for (const [index, command] of commands.entries()) {
    const step = command === "load" ? command : (await play(view, standing, index)).failedIn;
    if (step !== steps.at(-1)) steps.push(String(step));
  }
  return steps;
}

describe("the steps of a read are those of the model, by name and in order,", () => {
  const old = encodeCachedValue({ versions: { "profile:ID": 1 }, data: { id: "ID", version: 1, name: "A" } });
  const cases: [string, string | undefined, Parameters<typeof undisturbedRead>[1]][] = [
    ["of an absent key", undefined, undefined],
    ["of a key under somebody's lease", `{"l":"0123456789abcdef"}`, { kind: "stub", owner: -1 }],
    ["of a value that is too old for its caller", old, { kind: "value", version: 1, tag: undefined }],
  ];
  const views: [string, typeof userProfile | typeof tagged, Protocol][] = [
    ["without tags", userProfile, plainKeys],
    ["with tags", tagged, taggedValues],
  ];
  describe.each(views)("%s", (_, view, protocol) => {
    it.each(cases)("%s", async (_case, standing, content) => {
      expect(await stepsOf(view, standing)).toEqual(undisturbedRead(protocol, content));
    });
  });
});

describe("the steps of a refresh are those of the model, in order,", () => {
  const stepOf: Readonly<Record<string, string>> = { get: "lookUp", cas: "renew" };

  it.each([
    ["of an absent key", undefined, 2],
    ["of an older value", 1, 2],
    ["of a value that is as new as the event", 2, 2],
    ["when the primary is older than the event", 1, 3],
  ] as const)("%s", async (_, standing, version) => {
    const id = randomUUID();
    const commands: string[] = [];
    const pool = new CachePool({ nodes: memcached.node.name }, recording(commands, -1), {
      timeoutMs: 10_000,
    });
    const key = renderKey(userProfile.key, { profileId: id });
    const valueOf = (of: number) => ({ versions: { [`profile:${id}`]: of }, data: { id, version: of } });
    if (standing !== undefined) await blindSet(memcached.port, key, encodeCachedValue(valueOf(standing)));
    await refresh(pool, { key, subject: `profile:${id}`, version, ttlSeconds: 60 }, () => {
      commands.push("load");
      return Promise.resolve(valueOf(2));
    });
    pool.close();
    const content =
      standing === undefined ? undefined : ({ kind: "value", version: standing, tag: undefined } as const);
    expect(commands.map((command) => stepOf[command] ?? command)).toEqual(
      undisturbedRefresh(refreshedKeys, content, { row: 2, event: version }),
    );
  });
});
