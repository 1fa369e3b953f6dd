// Kafka and PostgreSQL as a network of strangers wants them: TLS, passwords, and rights for each user.
import { chownSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../scripts/local/ports.mjs";
import { databaseUrl, postgresServer } from "../../scripts/local/postgres.mjs";
import { runCommand } from "../../scripts/local/run-command.mjs";
import { UNPRIVILEGED_ID } from "../../scripts/local/server-process.mjs";
import { type Certificates } from "./certificates.ts";
import { kafkaToolsOnPath } from "./kafka-tools.ts";
import { uniqueName } from "./names.ts";
import { ownBroker, ownDir, startOwn } from "./own-servers.ts";

const usersAndAcls = fileURLToPath(new URL("../../deploy/kafka/users-and-acls.sh", import.meta.url));

/** A broker that two ways lead to. */
export interface SecuredBroker {
  /** Without a password, for the spec itself: may do everything. */
  readonly open: string;
  /** TLS and SASL: what the apps are given. */
  readonly secured: string;
}

/** A broker that asks for TLS and SASL (SCRAM, and PLAIN for `plainUser`) and grants nothing that no rule allows. */
export async function securedBroker(
  { keystore }: Certificates,
  plainUser: { readonly username: string; readonly password: string },
): Promise<SecuredBroker> {
  const [port, securedPort, controllerPort] = [await freePort(), await freePort(), await freePort()];
  const controller = `127.0.0.1:${controllerPort}`;
  const secured = `127.0.0.1:${securedPort}`;
  const { username, password } = plainUser;
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`;
  const broker = await ownBroker({
    port,
    settings: {
      "controller.quorum.voters": `1@${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${port},SASL_SSL://${secured},CONTROLLER://${controller}`,
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
      "ssl.keystore.type": "PEM",
      "ssl.keystore.location": keystore,
      "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
      "listener.name.sasl_ssl.plain.sasl.jaas.config": plain,
      "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS",
      "allow.everyone.if.no.acl.found": "false",
    },
  });
  return { open: broker.address, secured };
}

/** Runs deploy/kafka/users-and-acls.sh; answers each user's password, by file. */
export async function grantAsDocumented(
  broker: string,
  deployment: string,
): Promise<(user: string) => string> {
  const passwords = join(ownDir(), "passwords");
  mkdirSync(passwords, { recursive: true });
  for (const user of ["profile-service", "team-service", "invalidator", "auditor"])
    writeFileSync(join(passwords, user), `${uniqueName(user)}\n`);
  const tools = kafkaToolsOnPath(join(ownDir(), "bin"));
  await runCommand(usersAndAcls, [], {
    env: {
      PATH: `${tools}:${process.env.PATH ?? ""}`,
      BOOTSTRAP: broker,
      DEPLOYMENT: deployment,
      PASSWORDS: passwords,
    },
  });
  return (user) => join(passwords, user);
}

/** A PostgreSQL that offers TLS with this certificate. */
export async function securedPostgres({ certificate, key }: Certificates): Promise<string> {
  const port = await freePort();
  const dataDir = join(ownDir(), `postgres-${port}`);
  const settings = { ssl: "on", ssl_cert_file: "server.pem", ssl_key_file: "server.key" };
  const server = await postgresServer({ port, dataDir, logDir: ownDir(), settings });
  for (const [from, name] of [
    [certificate, "server.pem"],
    [key, "server.key"],
  ] as const) {
    copyFileSync(from, join(dataDir, name));
    if (process.getuid?.() === 0) chownSync(join(dataDir, name), UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  }
  await startOwn(server);
  return databaseUrl(port, "postgres");
}
