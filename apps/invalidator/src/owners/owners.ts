import { type OwnerEvent, OwnerService } from "./owner-service.ts";

/** How keys are renewed, as the settings have it. */
export interface RefreshSettings {
  /** false: every key is deleted. */
  readonly on: boolean;
  /** Age of a batch's oldest record from which on its keys are deleted, in seconds. */
  readonly maxLagSeconds: number;
  /** How long a batch may wait for its loads, and a request for its answer, in ms. */
  readonly timeoutMs: number;
  /** SERVICE_URL_<SERVICE>: the only place that a host is taken from. */
  readonly serviceUrl: (service: string) => string | undefined;
  /** INTERNAL_TOKEN, sent as a bearer token. */
  readonly token: string | undefined;
}

/** The services that views are renewed from; those without an address are none. */
export class Owners {
  readonly settings: RefreshSettings;
  readonly #onEvent: (event: OwnerEvent) => void;
  readonly #services = new Map<string, OwnerService>();

  constructor(settings: RefreshSettings, onEvent: (event: OwnerEvent) => void) {
    this.settings = settings;
    this.#onEvent = onEvent;
  }

  /** Whether values of this service can be renewed at all. */
  renews(service: string): boolean {
    return this.settings.on && this.of(service) !== undefined;
  }

  of(service: string): OwnerService | undefined {
    const known = this.#services.get(service);
    if (known) return known;
    const url = this.settings.serviceUrl(service);
    if (url === undefined) return undefined;
    const { token, timeoutMs } = this.settings;
    const owner = new OwnerService({ service, url, token, timeoutMs, onEvent: this.#onEvent });
    this.#services.set(service, owner);
    return owner;
  }
}
