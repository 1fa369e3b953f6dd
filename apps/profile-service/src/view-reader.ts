import { type ReadManyOptions, ReadThroughCache, type ReadOptions, type ReadResult } from "@freshet/cache";
import { Injectable } from "@nestjs/common";
import { type KeyParams, type ViewLoader } from "./view-loaders.ts";

/** The injection token of the loaders. */
export const VIEW_LOADERS = Symbol("view loaders");

/** Reads of views, through the cache. */
@Injectable()
export class ViewReader {
  readonly #cache: ReadThroughCache;

  constructor(cache: ReadThroughCache) {
    this.#cache = cache;
  }

  /** One value, and where it came from; null: there is no such row. */
  async read<Param extends string, Value>(
    loader: ViewLoader<Param, Value>,
    key: KeyParams<Param>,
    options: ReadOptions,
  ): Promise<ReadResult<Value>> {
    const load = async () => {
      const [loaded] = await loader.load([key]);
      if (!loaded) throw new Error(`the loader of ${loader.view.name} answered nothing`);
      return loaded;
    };
    return await this.#cache.read(loader.view, key, load, options);
  }

  /** Many values in the order asked: one round trip per node for those that are cached, one statement for the others. */
  async readMany<Param extends string, Value>(
    loader: ViewLoader<Param, Value>,
    keys: readonly KeyParams<Param>[],
    options: ReadManyOptions<Param>,
  ): Promise<readonly (Value | null)[]> {
    return await this.#cache.getMany(loader.view, keys, (missing) => loader.load(missing), options);
  }
}
