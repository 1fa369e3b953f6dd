import { createTopology, type CacheNode, parseNodeList } from "@freshet/cache";
import {
  type Cached,
  decodeCached,
  entityKey,
  FreshetError,
  maxKeyBytes,
  type Pool,
} from "@freshet/contracts";
import type { DependencyGraph, ViewNode } from "@freshet/dependency-graph";
import { consumerGroupId, type RecordReader } from "@freshet/kafka";
import type { Admin } from "kafkajs";
import { explain, type Explanation, type Facts, type TouchingEvent } from "./explain.ts";
import { groupPositions } from "./group-positions.ts";
import { partitionOf, readBack } from "./read-back.ts";
import { requestValues } from "./request-values.ts";
import { storedUnder } from "./stored-key.ts";
import { internalPath, paramsOf, viewsOfKey } from "./view-of-key.ts";

/** Where to ask. */
export interface ExplainAccess {
  readonly graph: DependencyGraph;
  /** The settings of a pool, the environment's node list in place of its own. */
  readonly pool: (name: string) => Pick<Pool, "nodes" | "nodeOf"> | undefined;
  readonly deployment: string;
  /** SERVICE_URL_<SERVICE> and INTERNAL_TOKEN; undefined: the owner can't be asked. */
  readonly owner: (
    service: string,
  ) => { readonly url: string; readonly token: string | undefined } | undefined;
  readonly admin: Pick<Admin, "fetchOffsets" | "fetchTopicOffsets" | "describeGroups">;
  readonly reader: RecordReader;
  /** For each question, in milliseconds. */
  readonly timeoutMs: number;
}

type Found<Value> = Value | string;

/**
 * Why a reader gets for this key what it gets: asks the node, the owner, the topic and the group, each in bounded
 * time, and says of each that did not answer why.
 * @throws FreshetError CACHE_KEY_INVALID for what is no key of a view, POOL_UNKNOWN
 */
export async function explainKey(
  access: ExplainAccess,
  key: string,
  poolName?: string,
): Promise<Explanation> {
  const { view, pool, params } = resolved(access, key, poolName);
  const topology = createTopology(pool.nodeOf, parseNodeList(pool.nodes));
  const node = topology.ownerOf(key);
  const ask = (asked: string) => told(storedUnder(node.name, asked, access.timeoutMs));
  const [stored, owner] = await Promise.all([ask(key), ownerOf(access, view, params)]);
  const cached: Facts["cached"] =
    typeof stored === "object"
      ? { value: decodeCached(stored.bytes), expiresInSeconds: stored.expiresInSeconds }
      : stored;
  const value = typeof cached === "object" ? cached.value : undefined;
  const tags = await tagsOf(value, (tag) => topology.ownerOf(tag), access.timeoutMs);
  const entities = new Set([
    ...(value?.kind === "value" ? Object.keys(value.versions) : []),
    ...(typeof owner === "string" ? [] : Object.keys(owner.versions)),
  ]);
  const events = await told(touching(access, view, key, entities, params));
  const group = consumerGroupId(access.deployment, view.pool);
  const topics = new Set(typeof events === "string" ? [] : events.map(({ topic }) => topic));
  const positions = await told(groupPositions(access.admin, group, [...topics]));
  return explain({
    key,
    view: view.name,
    pool: view.pool,
    node: node.name,
    topology: topology.hash,
    cached,
    tags,
    owner,
    events: typeof positions === "string" ? positions : events,
    position: ({ topic, partition }) =>
      (typeof positions === "string" ? undefined : positions.get(`${topic}/${partition}`)) ?? {
        committed: undefined,
        metadata: undefined,
      },
  });
}

function resolved({ graph, pool }: ExplainAccess, key: string, poolName: string | undefined) {
  if (!/^[!-~\u0080-\uffff]+$/u.test(key) || Buffer.byteLength(key) > maxKeyBytes)
    throw new FreshetError("CACHE_KEY_INVALID", "it has white space, a control character, or too many bytes");
  const views = viewsOfKey(graph, key).filter(({ view }) => poolName === undefined || view.pool === poolName);
  const [first, second] = views;
  if (first === undefined) {
    const asked = graph.views.filter(({ pool: of }) => poolName === undefined || of === poolName);
    const keys = [...new Set(asked.map((view) => view.key.source))];
    const some = `${keys.slice(0, 8).join(", ")}${keys.length > 8 ? ", …" : ""}`;
    throw new FreshetError(
      "CACHE_KEY_INVALID",
      `no view${poolName === undefined ? "" : ` of pool ${poolName}`} has such a key; keys are ${some}`,
    );
  }
  if (second !== undefined)
    throw new FreshetError(
      "CACHE_KEY_INVALID",
      `pools ${views.map(({ view }) => view.pool).join(", ")} have such keys: name the pool`,
    );
  const settings = pool(first.view.pool);
  if (settings === undefined) throw new FreshetError("POOL_UNKNOWN", `pools.yaml lacks ${first.view.pool}`);
  return { view: first.view, pool: settings, params: paramsOf(first.template, key) };
}

async function ownerOf(
  { owner, timeoutMs }: ExplainAccess,
  view: ViewNode,
  params: ReturnType<typeof paramsOf>,
): Promise<Facts["owner"]> {
  if (params === undefined) return "its owner can't be asked: a parameter of the key is hashed";
  const at = owner(view.service);
  if (at === undefined) {
    const variable = `SERVICE_URL_${view.service.toUpperCase().replaceAll("-", "_")}`;
    return `${view.service} was not asked, since ${variable} is not set: the events say what was committed`;
  }
  const url = `${at.url.replace(/\/+$/, "")}${internalPath(view)}`;
  return told(requestValues({ url, token: at.token, timeoutMs }, [params]).then(([found]) => found ?? ""));
}

async function tagsOf(
  value: Cached | undefined,
  ownerOfTag: (tag: string) => CacheNode,
  timeoutMs: number,
): Promise<Facts["tags"]> {
  const names = value?.kind === "value" ? Object.keys(value.tags) : [];
  const entries = await Promise.all(
    names.map(async (tag) => {
      const stored = await told(storedUnder(ownerOfTag(tag).name, tag, timeoutMs));
      return [tag, typeof stored === "object" ? stored.bytes.toString("latin1") : undefined] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** The events whose plan has the key, in the partitions of these entities and of the key's own. */
async function touching(
  { graph, admin, reader, timeoutMs }: ExplainAccess,
  view: ViewNode,
  key: string,
  entities: ReadonlySet<string>,
  params: ReturnType<typeof paramsOf>,
): Promise<TouchingEvent[]> {
  const plans = graph.pool(view.pool);
  const deadlineMs = Date.now() + timeoutMs;
  const types = new Map(view.dependencies.map(({ event }) => [event.type, event]));
  const found: TouchingEvent[] = [];
  for (const topic of new Set([...types.values()].map((event) => event.topic))) {
    const ofTopic = [...types.values()].filter((event) => event.topic === topic).map(({ entity }) => entity);
    const ids = [...entities].flatMap((name) => {
      const colon = name.indexOf(":");
      return ofTopic.includes(name.slice(0, colon)) ? [name.slice(colon + 1)] : [];
    });
    for (const { params: sources } of view.dependencies)
      for (const [param, source] of sources)
        if (source.name === "subject" && params?.[param] !== undefined) ids.push(params[param]);
    const wanted = (partitions: number) => ids.map((id) => partitionOf(topic, partitions, id));
    const { events } = await readBack({ admin, reader }, topic, wanted, deadlineMs);
    for (const read of events) {
      const type = types.get(read.event.type);
      const plan = type === undefined ? undefined : plans.plan(read.event);
      if (type !== undefined && plan?.kind === "keys" && plan.keys.some((planned) => planned.key === key))
        found.push({ ...read, entity: entityKey(type.entity, read.event.subject) });
    }
  }
  return found.sort((a, b) => a.appendedMs - b.appendedMs || Number(a.offset - b.offset));
}

/** What did not answer is told in its place. */
async function told<Value>(question: Promise<Value>): Promise<Found<Value>> {
  try {
    return await question;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
