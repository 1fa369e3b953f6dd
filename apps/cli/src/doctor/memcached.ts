import { once } from "node:events";
import { connect } from "node:net";
import { FreshetError } from "@freshet/contracts";
import { type Finding, ok, orOk, problem } from "./finding.ts";
import type { PoolLists } from "./node-lists.ts";

/** What a node says of itself. */
export interface NodeFacts {
  readonly version: string;
  /** As `stats settings` has them. */
  readonly settings: ReadonlyMap<string, string>;
}

const least = [1, 6] as const;

/** Whether a node can be what its pool needs. Pure. */
export function judgeNode(
  node: string,
  { version, settings }: NodeFacts,
  { pool, dedicated }: Pick<PoolLists, "pool" | "dedicated">,
): readonly Finding[] {
  const of = `${node} (pool ${pool})`;
  const found: Finding[] = [];
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < least[0] || (major === least[0] && minor < least[1]))
    found.push(
      problem(
        "memcached",
        of,
        `it is memcached ${version}: without the meta protocol nothing can be deleted there`,
        `install memcached ${least.join(".")} or later`,
      ),
    );
  if (dedicated && settings.get("flush_enabled") === "no")
    found.push(
      problem(
        "memcached",
        of,
        "the pool is dedicated, and this node refuses flush_all (-F): what it has missed can't be mended",
        "start it without -F, or say `dedicated: false` in pools.yaml",
      ),
    );
  return orOk(found, ok("memcached", of, `answers, memcached ${version}`));
}

/**
 * Asks a node for its version and settings, over a connection of its own.
 * @throws FreshetError CACHE_CONNECTION, CACHE_TIMEOUT, CACHE_SERVER_ERROR
 */
export async function askNode(node: string, timeoutMs: number): Promise<NodeFacts> {
  const colon = node.lastIndexOf(":");
  const socket = connect({ host: node.slice(0, colon), port: Number(node.slice(colon + 1)) });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await once(socket, "connect", { signal });
    socket.write("version\r\nstats settings\r\n");
    let text = "";
    while (!/^(END|ERROR|CLIENT_ERROR.*)\r$/m.test(text)) {
      const [chunk] = (await once(socket, "data", { signal })) as [Buffer];
      text += chunk.toString("latin1");
    }
    const [, version] = /^VERSION (\S+)/.exec(text) ?? [];
    if (version === undefined)
      throw new FreshetError("CACHE_SERVER_ERROR", `${node} does not answer as memcached does`);
    const settings = [...text.matchAll(/^STAT (\S+) (.*)\r$/gm)];
    return { version, settings: new Map(settings.map(([, name = "", value = ""]) => [name, value])) };
  } catch (error) {
    if (error instanceof FreshetError) throw error;
    const [code, why] = signal.aborted
      ? (["CACHE_TIMEOUT", "no answer in time"] as const)
      : (["CACHE_CONNECTION", error instanceof Error ? error.message : String(error)] as const);
    throw new FreshetError(code, `${node}: ${why}`, { cause: error });
  } finally {
    socket.destroy();
  }
}
