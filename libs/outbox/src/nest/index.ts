import { type OnApplicationBootstrap, type OnApplicationShutdown } from "@nestjs/common";
import { OutboxRelay } from "../relay.ts";

/**
 * A relay that runs as long as the Nest application: provide it by a factory that returns one. It stops after the
 * last request was answered; whoever closes its pool in onApplicationShutdown awaits `stop()` before.
 */
export class NestOutboxRelay extends OutboxRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  onApplicationBootstrap(): void {
    this.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.stop();
  }
}
