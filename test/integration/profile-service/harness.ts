import { inject } from "vitest";
import { type ProfileServiceConfig } from "../../../apps/profile-service/src/config.ts";
import { migrate } from "../../../apps/profile-service/src/migrations.ts";
import { type ProfileService, startProfileService } from "../../../apps/profile-service/src/service.ts";
import { ensureTopics } from "../../../scripts/local/topics.mjs";
import { freshDatabase } from "../../support/database.ts";

const topic = "profile.events.v1";

/** The service in this process, on a database of its own, free ports, and the servers of the run. */
export async function startService(
  overrides: Partial<ProfileServiceConfig> = {},
): Promise<ProfileService & AsyncDisposable & { databaseUrl: string }> {
  await ensureTopics(overrides.kafka?.brokers ?? inject("kafkaBrokers"), [topic]);
  const databaseUrl = overrides.databaseUrl ?? (await freshDatabase());
  if (overrides.databaseUrl === undefined) await migrate(databaseUrl);
  const service = await startProfileService({
    databaseUrl,
    kafka: { brokers: inject("kafkaBrokers") },
    pools: {
      profiles: { nodes: inject("memcachedNodes").join(","), previousNodes: "" },
      teams: { nodes: inject("teamsNodes").join(","), previousNodes: "" },
    },
    memcachedTimeoutMs: 10_000, // the default of 50 ms makes misses of hits on a busy machine
    host: "127.0.0.1",
    port: 0,
    internalPort: 0,
    internalToken: undefined,
    requestsPerMinute: 0,
    trustedProxies: "",
    outboxRelay: true,
    writerDelete: true,
    stopTimeoutMs: 12_000,
    logLevel: "silent",
    prettyLogs: false,
    ...overrides,
  });
  return { ...service, databaseUrl, [Symbol.asyncDispose]: () => service.close() };
}

/** One request with a JSON body. */
export async function send(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

/** One sample of the service's metrics, by its name and labels as they are printed; NaN while there is none. */
export async function metric(internalUrl: string, name: string): Promise<number> {
  const text = await (await send("GET", `${internalUrl}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}
