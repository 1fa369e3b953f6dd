import type { KeyTemplate } from "@freshet/contracts";
import type { DependencyGraph, ViewNode } from "@freshet/dependency-graph";
import type { ViewParams } from "./request-values.ts";

/** The views that a key can belong to, one of each pool at the most, and the template that it fits. */
export function viewsOfKey(
  graph: DependencyGraph,
  key: string,
): readonly { readonly view: ViewNode; readonly template: KeyTemplate }[] {
  return graph.views.flatMap((view) =>
    [view.key, ...view.formerKeys]
      .filter((template) => valuesIn(template, key) !== undefined)
      .map((template) => ({ view, template })),
  );
}

/** The parameters that a key was rendered from; undefined where one of them was hashed, so that nobody can say. */
export function paramsOf(template: KeyTemplate, key: string): ViewParams | undefined {
  const values = valuesIn(template, key);
  if (values === undefined || Object.values(values).some((value) => value.startsWith("~"))) return undefined;
  return values;
}

/** Where a service answers for one of its views: where it is refreshed from, else the place that all views have. */
export function internalPath({ name, refreshPath }: Pick<ViewNode, "name" | "refreshPath">): string {
  return refreshPath ?? `/internal/views/${name}`;
}

/** A rendered parameter holds no colon, so that the parts of a key are those of its template. */
function valuesIn({ segments }: KeyTemplate, key: string): Readonly<Record<string, string>> | undefined {
  const parts = key.split(":");
  if (parts.length !== segments.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? "";
    if ("literal" in segment) {
      if (segment.literal !== part) return undefined;
    } else if (part === "" || (values[segment.param] ?? part) !== part) return undefined;
    else values[segment.param] = part;
  }
  return values;
}
