import { type ChangeKind, decodeChangeEvent } from "@freshet/contracts";
import type { DependencyGraph } from "./compile.ts";
import { violationsOf } from "./conform.ts";
import { VersionWatch, versionViolations } from "./version-watch.ts";

/** What is wrong with one sample; `index` counts from 1. */
interface SampleVerdict {
  readonly index: number;
  /** undefined: it is no change event. */
  readonly type: string | undefined;
  readonly subject: string | undefined;
  readonly violations: readonly { readonly code: string; readonly says: string }[];
}

/** Whether a publisher's samples keep to the manifests of all who read them. */
export interface PublisherVerdict {
  readonly ok: boolean;
  readonly samples: readonly SampleVerdict[];
  /** Kinds of change of a sampled type of which there was no sample: what they look like is not verified. */
  readonly notSampled: readonly { readonly type: string; readonly changes: readonly ChangeKind[] }[];
}

const kinds: readonly ChangeKind[] = ["created", "updated", "deleted"];

/**
 * A contract test for a publisher in any language: its samples (CloudEvents as parsed JSON, in the order in which it
 * sends them) against the manifests of every service. Says what a view needs and the publisher does not send. Pure.
 */
export function verifyPublisher(samples: readonly unknown[], graph: DependencyGraph): PublisherVerdict {
  const versions = new VersionWatch(samples.length);
  const sampled = new Map<string, Set<ChangeKind>>();
  const verdicts = samples.map((sample, at): SampleVerdict => {
    const decoded = decodeChangeEvent({ value: Buffer.from(JSON.stringify(sample ?? null)) });
    if (!decoded.ok) {
      const violations = [{ code: decoded.reason, says: decoded.detail }];
      return { index: at + 1, type: undefined, subject: undefined, violations };
    }
    const { event } = decoded;
    const changes = sampled.get(event.type) ?? new Set();
    sampled.set(event.type, changes.add(event.data.change));
    const seen = versions.see(event);
    const wrong = seen === "falls" || seen === "repeats" ? versionViolations[seen] : undefined;
    return {
      index: at + 1,
      type: event.type,
      subject: event.subject,
      violations: [...violationsOf(graph, event), ...(wrong === undefined ? [] : [wrong])],
    };
  });
  return {
    ok: verdicts.every(({ violations }) => violations.length === 0),
    samples: verdicts,
    notSampled: [...sampled].flatMap(([type, changes]) => {
      const missing = kinds.filter((kind) => !changes.has(kind));
      return missing.length === 0 ? [] : [{ type, changes: missing }];
    }),
  };
}
