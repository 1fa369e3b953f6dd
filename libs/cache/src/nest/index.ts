import { type DynamicModule, Module, type OnApplicationShutdown } from "@nestjs/common";
import { ReadThroughCache, type ReadThroughCacheOptions } from "../read-through-cache.ts";

/** A cache that gives up its connections with the Nest application, after the last request was answered. */
class NestReadThroughCache extends ReadThroughCache implements OnApplicationShutdown {
  onApplicationShutdown(): void {
    this.close();
  }
}

/** Provides `ReadThroughCache` to the module that imports it. */
@Module({})
export class ReadThroughCacheModule {
  /** @throws FreshetError CACHE_NODES_INVALID */
  static with(options: ReadThroughCacheOptions): DynamicModule {
    return {
      module: ReadThroughCacheModule,
      providers: [{ provide: ReadThroughCache, useFactory: () => new NestReadThroughCache(options) }],
      exports: [ReadThroughCache],
    };
  }
}
