import { HEALTH, METRICS, ProbesController } from "@freshet/http";
import { type Health, type Metrics } from "@freshet/observability";
import { type DynamicModule, Module } from "@nestjs/common";
import { INTERNAL_TOKEN } from "./http/bearer.guard.ts";
import { InternalViewsController } from "./http/internal-views.controller.ts";
import { type ViewLoaders } from "./view-loaders.ts";
import { VIEW_LOADERS } from "./view-reader.ts";

interface Parts {
  readonly health: Health;
  readonly metrics: Metrics;
  readonly loaders: ViewLoaders;
  /** Demanded on /internal/*; undefined: nothing is. */
  readonly token: string | undefined;
}

/** The internal server: what operators and the bus ask, never the public. */
@Module({})
export class InternalModule {
  static with({ health, metrics, loaders, token }: Parts): DynamicModule {
    return {
      module: InternalModule,
      controllers: [ProbesController, InternalViewsController],
      providers: [
        { provide: HEALTH, useValue: health },
        { provide: METRICS, useValue: metrics },
        { provide: VIEW_LOADERS, useValue: loaders },
        { provide: INTERNAL_TOKEN, useValue: token ?? null },
      ],
    };
  }
}
