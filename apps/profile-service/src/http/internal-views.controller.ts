import { refreshedValue } from "@freshet/cache";
import { Body, Controller, HttpCode, Inject, Param, Post, UseGuards } from "@nestjs/common";
import { z } from "zod";
import { VIEW_LOADERS } from "../view-reader.ts";
import { type KeyParams, type ViewLoader, type ViewLoaders } from "../view-loaders.ts";
import { BearerGuard } from "./bearer.guard.ts";
import { invalidRequest, notFound } from "./problem.ts";

const listRule = "must be a list of 1 to 100 objects";
const paramRule = "must be a string or an integer";

// Ids are taken as they come: one that no profile can have is absent, and must not cost the others their answer.
const askedValues = z.strictObject(
  {
    params: z
      .array(
        z.record(z.string(), z.union([z.string(), z.int()], { error: paramRule }), {
          error: "must be an object of the key's parameters",
        }),
        { error: listRule },
      )
      .min(1, listRule)
      .max(100, listRule),
  },
  { error: ({ code }) => (code === "invalid_type" ? "must be a JSON object" : undefined) },
);
type AskedValues = z.infer<typeof askedValues>;

/** A value as it stands in the cache: the versions that it was built from, and the data; null: there is no such row. */
interface CachedForm {
  readonly vs: Readonly<Record<string, number>>;
  readonly d: unknown;
}

/** What the bus stores when it refreshes a view: always from the primary, all of one request in one snapshot. */
@Controller("internal/views")
@UseGuards(BearerGuard)
export class InternalViewsController {
  readonly #loaders: ReadonlyMap<string, ViewLoader>;

  constructor(@Inject(VIEW_LOADERS) loaders: ViewLoaders) {
    this.#loaders = new Map(Object.values<ViewLoader>(loaders).map((loader) => [loader.view.name, loader]));
  }

  @Post(":view")
  @HttpCode(200)
  async values(
    @Param("view") name: string,
    @Body({ schema: askedValues }) { params }: AskedValues,
  ): Promise<{ values: readonly CachedForm[] }> {
    const loader = this.#loaders.get(name);
    if (!loader) throw notFound("the view", "view", `must be one of ${[...this.#loaders.keys()].join(", ")}`);
    const { view } = loader;
    for (const [index, key] of params.entries()) checkNames(index, key, view.key.params);
    const loaded = await loader.load(params);
    const values = await Promise.all(
      loaded.map(async (one, index) => {
        const { versions, data } = await refreshedValue(view, params[index] ?? {}, one);
        return { vs: versions, d: data };
      }),
    );
    return { values };
  }
}

/** @throws Problem 400 */
function checkNames(index: number, key: KeyParams, names: readonly string[]): void {
  const missing = names.filter((name) => !Object.hasOwn(key, name));
  const unknown = Object.keys(key).filter((name) => !names.includes(name));
  if (missing.length + unknown.length === 0) return;
  throw invalidRequest([
    { field: `params.${index}`, remedy: `must have exactly the parameters ${names.join(", ")}` },
  ]);
}
