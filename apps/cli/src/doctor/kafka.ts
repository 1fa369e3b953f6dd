import type { DependencyGraph } from "@freshet/dependency-graph";
import { deadLetterTopic, describeTopics, LagHistory, type ReadPosition } from "@freshet/kafka";
import type { KafkaAccess } from "../config.ts";
import { type Ask, type Clients, explained, withKafka } from "../kafka.ts";
import type { PoolFacts } from "../lag-report.ts";
import { readPools } from "../pool-facts.ts";
import { counted } from "../problem.ts";
import { judgeBrokerClock } from "./clocks.ts";
import { checked, type Finding, ok, warning } from "./finding.ts";
import type { Session } from "../session.ts";
import { judgeGroups } from "./groups.ts";
import { examineLetters } from "./letters.ts";
import { judgeTopics, topicSettings, type TopicWish } from "./topics.ts";

/** What was found at the brokers, and what other checks need of it. */
interface KafkaExamination {
  readonly findings: readonly Finding[];
  readonly pools: readonly PoolFacts[];
}

/** Everything that the brokers can be asked without changing anything. Never rejects. */
export async function examineKafka(
  session: Session,
  access: KafkaAccess,
  timeoutMs: number,
  graph: DependencyGraph | undefined,
  wishes: readonly TopicWish[],
): Promise<KafkaExamination> {
  const each = await Promise.all(
    access.options.brokers.map((broker) =>
      checked("Kafka", broker, async () => [await askBroker(access, broker, timeoutMs)]),
    ),
  );
  const brokers = each.flat();
  if (brokers.every(({ level }) => level === "problem"))
    return {
      findings: [
        ...brokers,
        warning("topic", "", "not looked at: no broker answers", "mend that first, then ask again"),
      ],
      pools: [],
    };
  let pools: readonly PoolFacts[] = [];
  const rest = await checked("Kafka", "", () =>
    withKafka(access, timeoutMs, async (clients, ask) => {
      const guarded = (check: string, work: () => Promise<readonly Finding[]>) =>
        checked(check, "", () =>
          work().catch((error: unknown) => {
            throw explained(error, access.options.brokers.join(","));
          }),
        );
      const topics = await guarded("topic", () => examineTopics(clients, ask, wishes));
      const groups = await guarded("group", async () => {
        const declared = new Map((graph?.pools ?? []).map((name) => [name, graph?.pool(name).topics ?? []]));
        const options = { timeout: timeoutMs / 1_000 };
        pools = await readPools(clients, ask, access, declared, options, new LagHistory());
        return judgeGroups(pools, { declared: [...declared.keys()], nowMs: Date.now() });
      });
      const records = await guarded("permissions", () => readNewest(clients, ask, wishes));
      const letters = await guarded("letters", () =>
        examineLetters(
          session,
          clients,
          ask,
          wishes.map(({ spec: { topic } }) => topic),
        ),
      );
      return [...topics, ...groups, ...records, ...letters];
    }),
  );
  return { findings: [...brokers, ...rest], pools };
}

async function askBroker(access: KafkaAccess, broker: string, timeoutMs: number): Promise<Finding> {
  const alone = { ...access, options: { ...access.options, brokers: [broker] } };
  const cluster = await withKafka(alone, timeoutMs, ({ admin }, ask) => ask(admin.describeCluster()));
  const says = `answers, ${counted(cluster.brokers.length, "broker")} in the cluster; its version can't be asked`;
  return ok("Kafka", broker, says);
}

async function examineTopics({ admin }: Clients, ask: Ask, wishes: readonly TopicWish[]): Promise<Finding[]> {
  const wanted = wishes.flatMap(({ spec: { topic } }) => [topic, deadLetterTopic(topic)]);
  const existing = new Set(await ask(admin.listTopics()));
  const names = wanted.filter((topic) => existing.has(topic));
  const [{ brokers }, described] = await ask(
    Promise.all([admin.describeCluster(), describeTopics(admin, names, topicSettings)]),
  );
  return judgeTopics(wishes, described, brokers.length);
}

/** Reads the last record of each partition: that it may be read, and when it was appended. */
async function readNewest(
  { admin, reader }: Clients,
  ask: Ask,
  wishes: readonly TopicWish[],
): Promise<Finding[]> {
  const existing = new Set(await ask(admin.listTopics()));
  const topics = wishes.map(({ spec: { topic } }) => topic).filter((topic) => existing.has(topic));
  const described = await ask(describeTopics(admin, topics, ["message.timestamp.type"]));
  const bounds = await ask(Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic))));
  const positions = topics.flatMap((topic, index) =>
    (bounds[index] ?? []).flatMap(({ partition, low, high }): ReadPosition[] =>
      BigInt(high) > BigInt(low) ? [{ topic, partition, offset: BigInt(high) - 1n }] : [],
    ),
  );
  const read =
    positions.length === 0
      ? []
      : await ask(reader.read(positions, { maxWaitMs: 250, maxBytesPerPartition: 64 * 1_024 }));
  const nowMs = Date.now();
  const stamped = new Set(
    described
      .filter(({ config }) => config.get("message.timestamp.type") === "LogAppendTime")
      .map(({ topic }) => topic),
  );
  const appendedMs = read
    .filter(({ topic }) => stamped.has(topic))
    .flatMap(({ messages }) => messages.map(({ timestamp }) => Number(timestamp)));
  const newest = appendedMs.length === 0 ? undefined : Math.max(...appendedMs);
  const reading = positions.length === 0 ? "reading can't be tried, there are no records" : "read records";
  return [
    ok(
      "permissions",
      "Kafka",
      `this user may list and describe topics and groups, see commits, ${reading}; ` +
        "committing and writing dead letters can't be asked without doing it: see the invalidator's log for AUTHORIZATION_FAILED",
    ),
    judgeBrokerClock(newest, nowMs),
  ];
}
