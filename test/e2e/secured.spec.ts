import { readFileSync } from "node:fs";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { beforeAll, describe, expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { checkCache, untilQuiet } from "../support/checker.ts";
import { freshet } from "../support/cli.ts";
import { missingKafkaTools } from "../support/kafka-tools.ts";
import { ownDir } from "../support/own-servers.ts";
import {
  grantAsDocumented,
  type SecuredBroker,
  securedBroker,
  securedPostgres,
} from "../support/secured-servers.ts";
import { System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";

const missing = missingKafkaTools();
if (missing !== undefined) console.log(`secured.spec.ts is skipped: ${missing}`);

describe.skipIf(missing !== undefined)("where the network is not one's own", () => {
  const plainUser = { username: "old-school", password: "its password" };
  let ours: Certificates;
  let strangers: Certificates;
  let broker: SecuredBroker;
  let system: System;
  let passwordFileOf: (user: string) => string;

  /** What an app is given of this user's. */
  const kafkaOf = (user: string, changes: Record<string, string> = {}): Record<string, string> => ({
    KAFKA_BROKERS: broker.secured,
    KAFKA_SSL_CA_FILE: ours.ca,
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: user,
    KAFKA_SASL_PASSWORD_FILE: passwordFileOf(user),
    ...changes,
  });
  const databaseBy = ({ ca }: Certificates) => `${system.databaseUrl}?sslmode=verify-full&sslrootcert=${ca}`;

  beforeAll(async () => {
    ours = await makeCertificates(join(ownDir(), "ours"), "our own authority");
    strangers = await makeCertificates(join(ownDir(), "strangers"), "a stranger's authority");
    const [started, databaseServer] = await Promise.all([
      securedBroker(ours, plainUser),
      securedPostgres(ours),
    ]);
    broker = started;
    await ensureTopics([broker.open], ["profile.events.v1", "teams.events.v1"]);
    system = await System.create({ brokers: [broker.open], databaseServer });
    passwordFileOf = await grantAsDocumented(broker.open, system.deployment);
    return async () => {
      await system[Symbol.asyncDispose]();
    };
  });

  test("a committed change removes its cached copies over TLS, with the rights of deploy/kafka and no other", async () => {
    const [service, invalidator, auditor] = await Promise.all([
      system.startService({ env: { ...kafkaOf("profile-service"), DATABASE_URL: databaseBy(ours) } }),
      system.startInvalidator({ env: kafkaOf("invalidator") }),
      system.startAuditor({ env: kafkaOf("auditor") }),
    ]);
    const { rows } = await query(
      system.databaseUrl,
      "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    expect(rows).toEqual([{ ssl: true }]);

    const traffic = new Traffic(service.url, { profiles: 5 });
    await traffic.createAll();
    await untilQuiet(system);
    await traffic.cacheAll();
    await traffic.touchAll();
    await untilQuiet(system);
    expect((await checkCache(system)).violations).toEqual([]);
    for (const app of [service, invalidator, auditor])
      expect(app.log()).not.toMatch(/not authorized|authorization failed/i);
    await Promise.all([service, invalidator, auditor].map((app) => app.stop()));
  });

  test("a publisher's password lets it write its own topic, and neither another's nor read any", async () => {
    const kafka = new kafkajs.Kafka({
      brokers: [broker.secured],
      ssl: { ca: readFileSync(ours.ca) },
      sasl: {
        mechanism: "scram-sha-512",
        username: "team-service",
        password: readFileSync(passwordFileOf("team-service"), "utf8").trim(),
      },
      retry: { retries: 0 },
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    const consumer = kafka.consumer({ groupId: `freshet.${system.deployment}.profiles` });
    await Promise.all([producer.connect(), consumer.connect()]);
    const send = (topic: string) => producer.send({ topic, messages: [{ key: "t1", value: "{}" }] });
    await expect(send("teams.events.v1")).resolves.toHaveLength(1);
    await expect(send("profile.events.v1")).rejects.toThrow("Not authorized to access topics");
    await expect(send("profile.events.v1.dlt")).rejects.toThrow("Not authorized to access topics");
    // kafkajs hides why no coordinator is found.
    const crashed = new Promise<string>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        resolve(payload.error.message);
      });
    });
    await consumer.subscribe({ topic: "teams.events.v1" });
    await consumer.run({ eachMessage: () => Promise.resolve() });
    await expect(crashed).resolves.toMatch(/group/i);
    await Promise.all([producer.disconnect(), consumer.disconnect()]);
  });

  test("SASL PLAIN works over TLS, and is refused without: the password would be readable on the way", async () => {
    const { username, password } = plainUser;
    const plain = {
      DEPLOYMENT: system.deployment,
      KAFKA_SASL_MECHANISM: "plain",
      KAFKA_SASL_USERNAME: username,
      KAFKA_SASL_PASSWORD: password,
    };
    const secured = { ...plain, KAFKA_BROKERS: broker.secured, KAFKA_SSL_CA_FILE: ours.ca };
    // The user is let in, and may do nothing: no rule names it.
    expect((await freshet(["lag"], { env: secured })).stderr).toContain("may not be allowed to see it");
    const open = await freshet(["lag"], { env: { ...plain, KAFKA_BROKERS: broker.open } });
    expect(open).toMatchObject({ exitCode: 2 });
    expect(open.stderr).toContain("KAFKA_SASL_MECHANISM is plain: set KAFKA_SSL_CA_FILE");
  });

  test.each([
    [
      "a wrong password",
      () => ({ KAFKA_SASL_PASSWORD_FILE: passwordFileOf("team-service") }),
      /password|SASL/i,
    ],
    ["an authority that did not sign", () => ({ KAFKA_SSL_CA_FILE: strangers.ca }), /certificate/i],
    ["no TLS", () => ({ KAFKA_SSL_CA_FILE: "" }), /TLS/],
  ])("%s is said as what it is", async (_, changes, reason) => {
    const env = { ...kafkaOf("invalidator", changes()), DEPLOYMENT: system.deployment };
    const { exitCode, stderr } = await freshet(["lag"], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(reason);
  });
});
