// What explains a violation afterwards: what every process has logged, and how all stood when it was found.
import { copyFileSync, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import kafkajs from "kafkajs";
import { kafkaAdmin } from "../../../scripts/local/kafka-admin.mjs";
import { groupPartitions } from "../checker.ts";
import { pools, type World } from "./world.ts";

const { AssignerProtocol } = kafkajs;

/** Looks at what answers, and keeps it with all logs in a folder that outlives the run; answers the folder. */
export async function keepEvidence(world: World, story: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "freshet-faults-"));
  const { system, invalidators, services } = world;
  const keep = async (name: string, look: () => Promise<unknown>) => {
    const found = await look().catch((error: unknown) => ({ unknown: String(error) }));
    writeFileSync(join(folder, name), typeof found === "string" ? found : JSON.stringify(found, null, 2));
  };
  await Promise.all([
    keep("story.txt", () => Promise.resolve(story)),
    keep("groups.json", () =>
      kafkaAdmin([...system.brokers], async (admin) => {
        await admin.describeCluster();
        const { groups } = await admin.describeGroups(pools.map((pool) => system.groups[pool]));
        return groups.map(({ groupId, state, members }) => ({
          groupId,
          state,
          members: members.map(({ memberId, clientId, clientHost, memberAssignment }) => ({
            memberId,
            clientId,
            clientHost,
            // Empty between two rebalances.
            assignment:
              memberAssignment.length > 0 && AssignerProtocol.MemberAssignment.decode(memberAssignment),
          })),
        }));
      }),
    ),
    keep("commits.json", () => groupPartitions(world.checked, ...pools)),
    ...invalidators.flatMap(({ name, url }) =>
      ["status", "health/ready", "metrics"].map((path) =>
        keep(`${name}, ${path.replace("/", " ")}.txt`, async () => {
          const answer = await fetch(`${url}/${path}`, { signal: AbortSignal.timeout(2_000) });
          return answer.text();
        }),
      ),
    ),
  ]);
  for (const { name, process } of [...services, ...invalidators])
    copyFileSync(process.logFile, join(folder, `${name}.log`));
  for (const { logFile } of world.servers)
    if (existsSync(logFile)) copyFileSync(logFile, join(folder, basename(logFile)));
  return folder;
}
