import type { Outbox } from "./message.ts";

/** A service that publishes, and where its metrics are; no URL: not configured. */
export interface Publisher {
  readonly service: string;
  readonly url: string | undefined;
}

/** How long a service may take to answer, in ms. */
const timeoutMs = 2_000;

/** Asks every service that publishes how old the oldest row of its outbox is. Never rejects: it says what is not known. */
export async function askOutboxes(publishers: readonly Publisher[]): Promise<Outbox> {
  const answers = await Promise.all(publishers.map(ask));
  const known = answers.filter((answer) => answer.known);
  if (known.length < answers.length || known.length === 0)
    return { known: false, why: answers.flatMap((answer) => (answer.known ? [] : answer.why)).join("; ") };
  return {
    known: true,
    oldestAgeSeconds: Math.max(...known.map(({ oldestAgeSeconds }) => oldestAgeSeconds)),
    rows: known.reduce((sum, { rows }) => sum + rows, 0),
  };
}

async function ask({ service, url }: Publisher): Promise<Outbox> {
  if (url === undefined) {
    const setting = `SERVICE_URL_${service.toUpperCase().replaceAll("-", "_")}`;
    return { known: false, why: `${setting} is not set, so ${service} can't be asked` };
  }
  try {
    const response = await fetch(new URL("/metrics", url), { signal: AbortSignal.timeout(timeoutMs) });
    const text = await response.text();
    const rows = sample(text, "freshet_outbox_rows");
    const oldestAgeSeconds = sample(text, "freshet_outbox_oldest_age_seconds");
    if (rows === undefined || oldestAgeSeconds === undefined)
      return { known: false, why: `${service} exports no freshet_outbox_* metrics` };
    return { known: true, rows, oldestAgeSeconds };
  } catch {
    return { known: false, why: `${service} does not answer` };
  }
}

/** The value of a metric without labels in Prometheus's text. */
function sample(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}
