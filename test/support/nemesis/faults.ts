// How each kind of fault is played on real processes, and by what the system shows that it has noticed.
import { query } from "../../../scripts/local/postgres.mjs";
import { type ServerProcess } from "../../../scripts/local/server-process.mjs";
import { waitUntil } from "../../../scripts/local/wait.mjs";
import { groupPartitions } from "../checker.ts";
import { type ProxyMode, type TcpProxy } from "../tcp-proxy.ts";
import { type App } from "./app.ts";
import { publishStrange } from "./events.ts";
import { type Fault, type FaultKind } from "./schedule.ts";
import { SmallDisk } from "./small-disk.ts";
import { type Node, readingOf, type World } from "./world.ts";

type Log = (what: string) => void;

/** A fault that is in effect: how it ends, and whether the system has noticed; undefined: nothing is to be noticed. */
interface Effect {
  readonly heal: () => Promise<void> | void;
  readonly isNoticed?: () => Promise<boolean> | boolean;
}

type Play = (world: World, fault: Fault, log: Log) => Promise<Effect | undefined>;

export const plays: Readonly<Record<FaultKind, Play>> = {
  "service killed": async (world, fault, log) => ends(world, appOf(world, fault), fault, log),
  "service frozen": async (world, fault, log) => freezes(world, appOf(world, fault), fault, log),
  "invalidator killed": async (world, fault, log) => {
    const other = otherInvalidator(world, fault);
    return { ...(await ends(world, appOf(world, fault), fault, log)), isNoticed: () => readsAll(other) };
  },
  "invalidator frozen": async (world, fault, log) => {
    const other = otherInvalidator(world, fault);
    return { ...(await freezes(world, appOf(world, fault), fault, log)), isNoticed: () => readsAll(other) };
  },
  "service cut off from its database": (world) =>
    Promise.resolve(through(world.parts.databaseLinks[0], "black-hole", moreFailures(world, 2))),
  "members come and go": async (world, { lasts }, log) => {
    for (let round = 0; round < (lasts === "until noticed" ? 2 : 1); round += 1) {
      const guest = await world.startGuest();
      log(`${guest.name} has joined`);
      await (lasts === "until noticed" ? guest.stop() : guest.kill());
      log(`${guest.name} has left`);
    }
    return undefined;
  },
  "broker killed": async (world) => {
    const { broker } = world.parts;
    await broker.kill();
    return { heal: () => revive(broker), isNoticed: () => isWaiting(world) };
  },
  "broker frozen": (world) => Promise.resolve(frozen(world.parts.broker, () => isGivenUp(world))),
  "broker's disk full": (world, _, log) => {
    const { broker, disk } = world.parts;
    if (!(disk instanceof SmallDisk)) {
      log(disk.missing);
      return Promise.resolve(undefined);
    }
    disk.fill();
    return Promise.resolve({
      heal: async () => {
        await broker.kill();
        disk.free();
        await revive(broker);
      },
      isNoticed: () => broker.pid === undefined,
    });
  },
  "acks lost": (world, { afterRequests }) => {
    const { brokerLink } = world.parts;
    const isNoticed = () => isGivenUp(world);
    if (afterRequests % 2 === 1) return Promise.resolve(through(brokerLink, "drop-answers", isNoticed));
    // Whoever connects anew and tries once more loses the acks of that as well.
    brokerLink.cutsAnswersOf = isProduceRequest;
    return Promise.resolve({
      heal: () => {
        brokerLink.cutsAnswersOf = () => false;
      },
      isNoticed,
    });
  },
  "database killed": async (world, _, log) => {
    const { database } = world.parts;
    log(`${await transactions(world)} transactions are open`);
    await database.kill();
    return { heal: () => revive(database), isNoticed: moreFailures(world, 2) };
  },
  "database restarted": async (world, _, log) => {
    const { database } = world.parts;
    log(`${await transactions(world)} transactions are open`);
    await database.stop();
    return { heal: () => revive(database) };
  },
  "database frozen": (world) => Promise.resolve(frozen(world.parts.database, moreFailures(world, 2))),
  "node restarted": async (world, fault) => {
    const { server } = nodeOf(world, fault);
    await server.kill();
    await revive(server);
    return undefined;
  },
  "node away": async (world, fault) => {
    const node = nodeOf(world, fault);
    await node.server.kill();
    return { heal: () => revive(node.server), isNoticed: () => isOwed(world, node) };
  },
  "node frozen": (world, fault) => {
    const node = nodeOf(world, fault);
    return Promise.resolve(frozen(node.server, () => isOwed(world, node)));
  },
  "node black-holed": (world, fault) => {
    const node = nodeOf(world, fault);
    return Promise.resolve(through(node.proxy, "black-hole", () => isOwed(world, node)));
  },
  "node unreachable": (world, fault) => {
    const node = nodeOf(world, fault);
    const effect = through(node.proxy, "refuse", () => isOwed(world, node));
    node.proxy.cut();
    return Promise.resolve(effect);
  },
  "node slow": (world, fault) => {
    const { proxy } = nodeOf(world, fault);
    // Some of these are within the time-outs of the apps (50 ms of readers, 500 ms of the bus), some are not.
    proxy.delayMs = [20, 60, 300, 700][fault.afterRequests % 4] ?? 20;
    return Promise.resolve({
      heal: () => {
        proxy.delayMs = 0;
      },
    });
  },
  "node closes within an answer": (world, fault) => {
    const { proxy } = nodeOf(world, fault);
    proxy.cutAfterAnswerBytes(1 + (fault.afterRequests % 40));
    return Promise.resolve({
      heal: () => {
        proxy.cutAfterAnswerBytes(Number.POSITIVE_INFINITY);
      },
    });
  },
  "events doubled": (world, fault, log) => publishStrange(world, fault, log),
  "events in another order": (world, fault, log) => publishStrange(world, fault, log),
  "old events": (world, fault, log) => publishStrange(world, fault, log),
  "events replayed": (world, fault, log) => publishStrange(world, fault, log),
  "events that nobody can read": (world, fault, log) => publishStrange(world, fault, log),
};

async function ends(world: World, app: App, { at }: Fault, log: Log): Promise<Effect> {
  const came = await app.kill(at);
  if (!came) log(`${app.name} did not come to ${at?.step ?? ""}: killed where it was`);
  return { heal: () => app.revive(), isNoticed: moreFailures(world, 2) };
}

async function freezes(world: World, app: App, { at }: Fault, log: Log): Promise<Effect> {
  const came = await app.freeze(at);
  if (!came) log(`${app.name} did not come to ${at?.step ?? ""}: frozen where it was`);
  return {
    heal: () => {
      app.thaw();
    },
    isNoticed: moreFailures(world, 2),
  };
}

function frozen(server: ServerProcess, isNoticed: () => Promise<boolean> | boolean): Effect {
  server.pause();
  return {
    heal: () => {
      server.resume();
    },
    isNoticed,
  };
}

/** Connections that were made meanwhile know nothing of the end of the fault: they are cut. */
function through(proxy: TcpProxy, mode: ProxyMode, isNoticed: () => Promise<boolean> | boolean): Effect {
  proxy.mode = mode;
  return {
    heal: () => {
      proxy.mode = "forward";
      proxy.cut();
    },
    isNoticed,
  };
}

/** Kafka's protocol: four bytes of length, then two that tell what is asked. */
function isProduceRequest(request: Buffer): boolean {
  return request.length >= 6 && request.readInt16BE(4) === 0;
}

/** Starts a server, again and again until it stays: its disk may be full, its port not yet free. */
async function revive(server: ServerProcess): Promise<void> {
  if (server.pid !== undefined) return;
  const start = () => server.start().then(() => true);
  await waitUntil(`${server.name} to start`, start, { timeoutMs: 120_000, intervalMs: 500 });
}

function appOf({ services, invalidators }: World, { target }: Fault): App {
  const app = [...services, ...invalidators].find(({ name }) => name === target);
  if (app === undefined) throw new Error(`no app is called ${target}`);
  return app;
}

function otherInvalidator({ invalidators }: World, { target }: Fault): App {
  return target === "invalidator 0" ? invalidators[1] : invalidators[0];
}

function nodeOf({ parts: { nodes, teamsNode } }: World, { target }: Fault): Node {
  return nodes[Number(/^node (\d)$/.exec(target)?.[1])] ?? teamsNode;
}

async function readsAll(invalidator: App): Promise<boolean> {
  const reading = await readingOf(invalidator.url).catch(() => new Map<string, number>());
  return reading.get("profiles") === 12 && reading.get("teams") === 12;
}

async function isWaiting(world: World): Promise<boolean> {
  return (await world.waitingInOutbox().catch(() => 0)) >= 5;
}

/** Whether a row waits for longer than a relay tries to send it (10 s). */
async function isGivenUp({ system }: World): Promise<boolean> {
  const old =
    "SELECT FROM outbox_events WHERE created_at < clock_timestamp() - interval '11 seconds' LIMIT 1";
  return query(system.databaseUrl, old).then(
    ({ rowCount }) => rowCount === 1,
    () => false,
  );
}

/** Whether a commit names what this node has missed. */
async function isOwed(world: World, { proxy }: Node): Promise<boolean> {
  const commits = await groupPartitions(world.checked, "profiles", "teams").catch(() => []);
  return commits.some(({ missed }) => proxy.address in Object(missed));
}

function moreFailures({ load }: World, count: number): () => boolean {
  const { failed } = load.requests;
  return () => load.requests.failed >= failed + count;
}

/** Waits for a transaction of the apps that is open, for a moment: answers how many are. */
async function transactions({ system }: World): Promise<number> {
  const open = `SELECT count(*)::int AS open FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`;
  const look = async () => ((await query(system.databaseUrl, open)).rows[0] as { open: number }).open;
  return waitUntil("an open transaction", look, { timeoutMs: 3_000, intervalMs: 5 }).catch(() => 0);
}
