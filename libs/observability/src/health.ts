/** What a check found; `detail` tells the operator what is wrong, without personal data. */
export type CheckResult =
  { readonly ok: true; readonly detail?: string } | { readonly ok: false; readonly detail: string };

export type Check = () => CheckResult | Promise<CheckResult>;

export interface HealthReport {
  readonly status: "ok" | "failing";
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** An app's checks: `live` fails when only a restart helps, `ready` when no work should be sent now. */
export interface Health {
  readonly live: HealthChecks;
  readonly ready: HealthChecks;
}

/** The named checks of one probe. */
export class HealthChecks {
  readonly #checks = new Map<string, Check>();
  readonly #sources: (() => Iterable<readonly [string, Check]>)[] = [];

  /** Adds a check; one of the same name is replaced. */
  add(name: string, check: Check): void {
    this.#checks.set(name, check);
  }

  /** Adds checks that come and go: asked which there are at each run. */
  addAll(source: () => Iterable<readonly [string, Check]>): void {
    this.#sources.push(source);
  }

  /** Runs all checks at once, each for at most `timeoutMs`; a check that throws or is late fails. Never rejects. */
  async run(timeoutMs = 1_000): Promise<HealthReport> {
    const entries = await Promise.all(
      [...this.#checks, ...this.#sources.flatMap((source) => [...source()])].map(
        async ([name, check]) => [name, await settle(check, timeoutMs)] as const,
      ),
    );
    return {
      status: entries.every(([, { ok }]) => ok) ? "ok" : "failing",
      checks: Object.fromEntries(entries),
    };
  }
}

export function createHealth(): Health {
  return { live: new HealthChecks(), ready: new HealthChecks() };
}

async function settle(check: Check, timeoutMs: number): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => {
      resolve({ ok: false, detail: `no answer within ${timeoutMs} ms` });
    }, timeoutMs);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
