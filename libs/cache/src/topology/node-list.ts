import { FreshetError } from "@freshet/contracts";

/** One memcached server of a pool. */
export interface CacheNode {
  /** `host:port` as configured: what commit metadata, metrics and the ring call this node. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
}

const form = /^([^\s,;:]+):(\d{1,5})(?::(\d{1,6}))?$/;

/**
 * Parses a node list: `host:port[:weight],…` as the environment has it, or its entries as pools.yaml has them.
 * @throws FreshetError CACHE_NODES_INVALID naming the entry
 */
export function parseNodeList(list: string | readonly string[]): CacheNode[] {
  const entries = typeof list === "string" ? list.split(",") : list;
  const nodes = entries.map((entry) => parseNode(entry.trim()));
  if (nodes.length === 0) throw invalid("the node list is empty");
  for (const [index, { name }] of nodes.entries())
    if (nodes.findIndex((node) => node.name === name) !== index) throw invalid(`${name} is listed twice`);
  return nodes;
}

/**
 * Parses several node lists separated by `;` (MEMCACHED_<POOL>_PREVIOUS); an empty text has none.
 * @throws FreshetError CACHE_NODES_INVALID
 */
export function parseNodeLists(lists: string): CacheNode[][] {
  return lists
    .split(";")
    .filter((list) => list.trim() !== "")
    .map(parseNodeList);
}

function parseNode(entry: string): CacheNode {
  const [, host, portDigits, weightDigits] = form.exec(entry) ?? [];
  if (host === undefined) throw invalid(`${JSON.stringify(entry)} is not host:port or host:port:weight`);
  const port = Number(portDigits);
  if (port < 1 || port > 65_535) throw invalid(`${entry}: the port must be from 1 to 65535`);
  const weight = Number(weightDigits ?? 1);
  if (weight < 1) throw invalid(`${entry}: the weight must be at least 1`);
  return { name: `${host}:${port}`, host, port, weight };
}

function invalid(why: string): FreshetError {
  return new FreshetError("CACHE_NODES_INVALID", why);
}
