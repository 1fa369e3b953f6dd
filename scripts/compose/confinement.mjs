import assert from "node:assert/strict";
import { z } from "zod";

const container = z.object({
  Name: z.string(),
  HostConfig: z.object({
    ReadonlyRootfs: z.boolean(),
    CapAdd: z.array(z.string()).nullable(),
    CapDrop: z.array(z.string()).nullable(),
    SecurityOpt: z.array(z.string()).nullable(),
    Init: z.boolean().nullable(),
    Memory: z.number(),
    PidsLimit: z.number().nullable(),
    LogConfig: z.object({ Config: z.record(z.string(), z.string()) }),
    RestartPolicy: z.object({ Name: z.string() }),
  }),
  Config: z.object({ User: z.string(), Env: z.array(z.string()) }),
  NetworkSettings: z.object({
    Ports: z.record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable()),
  }),
});

/**
 * Throws unless every running container is as confined as docs/deploy.md says, knows no secret by its environment,
 * and nothing but these URLs is published. Answers how many containers it looked at.
 * @param {import("./stack.mjs").Stack} stack
 * @param {readonly string[]} published
 */
export async function checkConfinement(stack, published) {
  const names = await stack.containers();
  const containers = z.array(container).parse(JSON.parse(await stack.docker("inspect", ...names)));
  const password = await stack.compose("exec", "-T", "postgres", "cat", "/run/secrets/database/password");
  /** @type {string[]} */
  const open = [];
  for (const { Name: name, HostConfig: host, Config: config, NetworkSettings: network } of containers) {
    assert.deepEqual(
      {
        readOnly: host.ReadonlyRootfs,
        dropped: host.CapDrop,
        added: host.CapAdd ?? [],
        privileges: host.SecurityOpt,
        init: host.Init,
        log: Object.keys(host.LogConfig.Config).sort(),
        restart: host.RestartPolicy.Name,
      },
      {
        readOnly: true,
        dropped: ["ALL"],
        added: [],
        privileges: ["no-new-privileges:true"],
        init: true,
        log: ["max-file", "max-size"],
        restart: "unless-stopped",
      },
      name,
    );
    assert.ok(host.Memory > 0 && (host.PidsLimit ?? 0) > 0, `${name} has no limit of memory or processes`);
    assert.doesNotMatch(config.User, /^(root|0)?(:|$)/, `${name} runs as root`);
    assert.ok(
      !config.Env.some((line) => line.includes(password)),
      `${name} has the password in its environment`,
    );
    for (const bindings of Object.values(network.Ports))
      for (const { HostIp: address, HostPort: port } of bindings ?? [])
        open.push(`http://${address}:${port}`);
  }
  assert.deepEqual(open, published);
  return containers.length;
}
