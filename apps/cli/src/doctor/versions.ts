import { type Finding, ok, problem } from "./finding.ts";

const least = [20, 19] as const;

/** Whether this Node.js runs Freshet. Pure. */
export function judgeNodeVersion(node: string, freshet: string): Finding {
  const [major = 0, minor = 0] = node.replace(/^v/, "").split(".").map(Number);
  return major < least[0] || (major === least[0] && minor < least[1])
    ? problem(
        "versions",
        "",
        `freshet ${freshet} on Node.js ${node}`,
        `install Node.js ${least.join(".")} or later`,
      )
    : ok("versions", "", `freshet ${freshet} on Node.js ${node}`);
}
