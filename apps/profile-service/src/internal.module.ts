import { type Health, type Metrics } from "@freshet/observability";
import { type DynamicModule, Module } from "@nestjs/common";
import { HEALTH, InternalController, METRICS } from "./http/internal.controller.ts";

/** The internal server: what operators ask, never the public. */
@Module({})
export class InternalModule {
  static with({ health, metrics }: { health: Health; metrics: Metrics }): DynamicModule {
    return {
      module: InternalModule,
      controllers: [InternalController],
      providers: [
        { provide: HEALTH, useValue: health },
        { provide: METRICS, useValue: metrics },
      ],
    };
  }
}
