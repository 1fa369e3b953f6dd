import { requestValues, internalPath, viewsOfKey, paramsOf } from "@freshet/inspect";
import type { DependencyGraph } from "@freshet/dependency-graph";
import type { OwnerAnswer, Suspect } from "./verdict.ts";

/** How owners are reached. */
export interface OwnerSettings {
  readonly serviceUrl: (service: string) => string | undefined;
  readonly token: string | undefined;
  readonly timeoutMs: number;
}

const mostAtOnce = 100;

/** What the owners have for these suspects, in their order; up to a hundred keys of a view in one request. */
export async function askOwners(
  graph: DependencyGraph,
  { serviceUrl, token, timeoutMs }: OwnerSettings,
  suspects: readonly Suspect[],
): Promise<OwnerAnswer[]> {
  const answers = suspects.map((): OwnerAnswer => "the key's parameters are hashed");
  const asked = new Map<string, { index: number; params: Readonly<Record<string, string>> }[]>();
  for (const [index, { check }] of suspects.entries()) {
    const found = viewsOfKey(graph, check.key).find(({ view }) => view.name === check.view);
    const params = found && paramsOf(found.template, check.key);
    const url = serviceUrl(check.service);
    if (url === undefined) answers[index] = `SERVICE_URL of ${check.service} is not set`;
    if (found === undefined || params === undefined || url === undefined) continue;
    const path = `${url.replace(/\/+$/, "")}${internalPath(found.view)}`;
    asked.set(path, [...(asked.get(path) ?? []), { index, params }]);
  }
  for (const [url, wanted] of asked)
    for (let from = 0; from < wanted.length; from += mostAtOnce) {
      const part = wanted.slice(from, from + mostAtOnce);
      const values = await requestValues(
        { url, token, timeoutMs },
        part.map(({ params }) => params),
      ).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
      for (const [at, { index }] of part.entries())
        answers[index] = typeof values === "string" ? values : (values[at] ?? "no answer");
    }
  return answers;
}
