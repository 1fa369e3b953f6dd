// Looks at the stack from inside its networks, and prints what it saw as JSON. Node 24 runs the checker as it is.
//   node inspect.mjs members <n>   once n members share all partitions in the group of every pool: their shares
//   node inspect.mjs verdict       once all is quiet: the cached values, and which of them are wrong (I1)
import { readFileSync } from "node:fs";
import kafkajs from "kafkajs";
import { checkCache, untilQuiet } from "../../test/support/checker.ts";
import { kafkaAdmin } from "../local/kafka-admin.mjs";
import { waitUntil } from "../local/wait.mjs";

const stack = /** @type {const} */ ({
  brokers: ["kafka:9092"],
  databaseUrl: readFileSync("/run/secrets/database/url", "utf8"),
  groups: { profiles: "freshet.compose.profiles", teams: "freshet.compose.teams" },
  nodeAddresses: ["memcached-profiles-1:11211", "memcached-profiles-2:11211"],
  teamsNode: { address: "memcached-teams-1:11211" },
  topic: "profile.events.v1",
});

const [what, count] = process.argv.slice(2);
const saw = what === "members" ? await members(Number(count)) : await verdict();
console.log(JSON.stringify(saw));

/** @param {number} wanted */
function members(wanted) {
  // A killed member's partitions move when its session of 6 s is over, and the others have joined again.
  return waitUntil(`${wanted} members with all partitions`, () => sharesOf(wanted), {
    timeoutMs: 60_000,
    intervalMs: 250,
  });
}

/** @param {number} wanted */
async function sharesOf(wanted) {
  return await kafkaAdmin([...stack.brokers], async (admin) => {
    await admin.describeCluster(); // kafkajs looks for coordinators only among brokers that it has heard of
    const { groups } = await admin.describeGroups(Object.values(stack.groups));
    const partitions = (await admin.fetchTopicOffsets(stack.topic)).length;
    const shares = groups.map(({ groupId, members }) => ({
      group: groupId,
      partitions: members.map(({ memberAssignment }) => {
        const decoded = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment);
        return decoded?.assignment[stack.topic]?.length ?? 0;
      }),
    }));
    if (shares.every((share) => share.partitions.length === wanted && sum(share.partitions) === partitions))
      return shares;
    throw new Error(`${partitions} partitions, ${JSON.stringify(shares)}`);
  });
}

async function verdict() {
  const partitions = await untilQuiet(stack);
  return { events: sum(partitions.map(({ high }) => high)), ...(await checkCache(stack)) };
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
