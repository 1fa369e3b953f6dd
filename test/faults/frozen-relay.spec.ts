// A relay that holds the lock and its claim and is not heard of any more: PostgreSQL frees both when its time is up.
import { expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { checkCache, untilQuiet } from "../support/checker.ts";
import { CrashPoint } from "../support/crash-point.ts";
import { checkEvents } from "../support/event-log.ts";
import { type RunningApp, System } from "../support/system.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

/** Two replicas and a bus; the first replica reaches its database through a proxy and freezes once it has claimed. */
class TwoRelays implements AsyncDisposable {
  readonly system: System;
  readonly first: RunningApp;
  readonly link: TcpProxy;
  readonly traffic: Traffic;
  readonly #crash: CrashPoint;

  private constructor(parts: Pick<TwoRelays, "system" | "first" | "link" | "traffic">, crash: CrashPoint) {
    this.system = parts.system;
    this.first = parts.first;
    this.link = parts.link;
    this.traffic = parts.traffic;
    this.#crash = crash;
  }

  static async begin(): Promise<TwoRelays> {
    const system = await System.create();
    const url = new URL(system.databaseUrl);
    const link = await TcpProxy.start(url.host);
    url.port = String(link.port);
    const crash = new CrashPoint("freshet:outbox.claimed");
    const [first, second] = await Promise.all([
      system.startService({ env: { ...crash.env, DATABASE_URL: url.href }, nodeArgs: crash.nodeArgs }),
      system.startService(),
      system.startInvalidator(),
    ]);
    const traffic = new Traffic(second.url, { profiles: 3 });
    await traffic.createAll();
    await untilQuiet(system);
    await traffic.cacheAll();
    return new TwoRelays({ system, first, link, traffic }, crash);
  }

  /** Writes until the first relay has claimed what was written, and is frozen with it. */
  async freezeWithAClaim(): Promise<void> {
    this.#crash.armAgainst(this.first, "SIGSTOP");
    await waitFor(
      async () => {
        expect(await this.traffic.touchAll()).toMatchObject({ failed: 0 });
        return !this.#crash.isArmed;
      },
      { timeoutMs: 60_000, describe: "the first relay to claim" },
    );
    expect(await this.#openClaims()).toBe(1);
  }

  /** Everything arrives without the first replica. */
  async expectTheOtherGoesOn(): Promise<void> {
    await untilQuiet(this.system);
    expect(await this.#openClaims()).toBe(0);
    expect((await checkCache(this.system)).violations).toEqual([]);
    expect((await checkEvents(this.system)).problems).toEqual([]);
  }

  /** The first replica is well again and does no harm. */
  async expectHealed(): Promise<void> {
    await this.traffic.cacheAll();
    await this.traffic.touchAll();
    await untilQuiet(this.system);
    await waitFor(async () => (await fetch(`${this.first.url}/profiles/${this.traffic.ids[0]}`)).ok, {
      timeoutMs: 30_000,
      describe: "the first replica to answer",
    });
    expect((await checkCache(this.system)).violations).toEqual([]);
    expect((await checkEvents(this.system)).problems).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system[Symbol.asyncDispose]();
    await this.link.close();
  }

  /** Transactions that have claimed and have neither published and committed nor ended. */
  async #openClaims(): Promise<number | null> {
    const { rowCount } = await query(
      this.system.databaseUrl,
      `SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND state = 'idle in transaction' AND query LIKE '%DELETE FROM outbox_events%'`,
    );
    return rowCount;
  }
}

test.concurrent(
  "a relay that is frozen with a claim holds up the others until its time is up, and no longer",
  async () => {
    await using relays = await TwoRelays.begin();
    await relays.freezeWithAClaim();
    await relays.expectTheOtherGoesOn();
    relays.first.resume();
    await relays.expectHealed();
  },
);

test.concurrent(
  "so does a relay whose host vanished: what it had sent is sent again, and it does no harm when it is back",
  async () => {
    await using relays = await TwoRelays.begin();
    await relays.freezeWithAClaim();
    relays.link.mode = "black-hole";
    relays.first.resume();
    await relays.expectTheOtherGoesOn();
    relays.link.mode = "forward";
    relays.link.cut();
    await relays.expectHealed();
  },
);
