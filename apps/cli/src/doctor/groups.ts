import { poolLag, type PoolFacts, problemsOf } from "../lag-report.ts";
import { behind, counted } from "../problem.ts";
import { type Finding, ok, orOk, problem, warning } from "./finding.ts";

/** An SLO of seconds is long missed; a rolling restart is not this slow. */
const lateSeconds = 60;

/** How the consumer groups of the pools stand. Pure. */
export function judgeGroups(
  facts: readonly PoolFacts[],
  { declared, nowMs }: { readonly declared: readonly string[]; readonly nowMs: number },
): Finding[] {
  return facts.flatMap((of) => {
    const lag = poolLag(of, nowMs);
    // Missing topics are told as such.
    const found: Finding[] = problemsOf({ ...of, missingTopics: [] }).map(({ problem: says, mend }) =>
      problem("group", of.group.groupId, says, mend),
    );
    if (!declared.includes(of.pool))
      found.push(
        warning(
          "group",
          of.group.groupId,
          `no manifest has a pool ${of.pool}`,
          "name the right --manifests, or delete the group with Kafka's kafka-consumer-groups",
        ),
      );
    if ((lag.lagSeconds ?? 0) > lateSeconds)
      found.push(
        warning(
          "group",
          of.group.groupId,
          behind(lag.lagMessages, lag.lagSeconds),
          `see with \`freshet lag --pool ${of.pool} --watch\` whether it catches up`,
        ),
      );
    const well = `${counted(of.group.members.length, "member")}, ${behind(lag.lagMessages, lag.lagSeconds)}`;
    return orOk(found, ok("group", of.group.groupId, `${well}, its commits can be read`));
  });
}
