import type { ChangeEvent } from "@freshet/contracts";

/**
 * `rises`: as it should. `duplicate`: an event that was seen before. `falls`, `repeats`: another event has a higher
 * version, or the same. `first`: nothing was seen of this entity, or it was forgotten.
 */
export type VersionSight = "first" | "rises" | "duplicate" | "falls" | "repeats";

/** What is wrong with a version, by how it was seen. */
export const versionViolations = {
  falls: {
    code: "falling_version",
    says: "data.version is lower than that of an earlier event of this entity",
  },
  repeats: { code: "repeated_version", says: "data.version is that of another event of this entity" },
} as const satisfies Partial<Record<VersionSight, { code: string; says: string }>>;

/** Whether versions rise per entity, duplicates aside; in bounded memory: what was seen longest ago is forgotten. */
export class VersionWatch {
  readonly #most: number;
  readonly #versions = new Map<string, number>();
  readonly #ids = new Set<string>();
  #forgotten = 0;

  /** Remembers at most so many entities, and as many event ids. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many entities were forgotten: of these a fall can have gone unseen. */
  get forgotten(): number {
    return this.#forgotten;
  }

  see({ id, source, type, subject, data: { version } }: ChangeEvent): VersionSight {
    const event = `${source}\n${id}`;
    const duplicate = this.#ids.delete(event);
    this.#ids.add(event);
    if (this.#ids.size > this.#most) drop(this.#ids);
    const entity = `${type}\n${subject}`;
    const last = this.#versions.get(entity);
    if (duplicate) return "duplicate";
    this.#versions.delete(entity);
    this.#versions.set(entity, Math.max(version, last ?? version));
    if (this.#versions.size > this.#most) {
      drop(this.#versions);
      this.#forgotten += 1;
    }
    if (last === undefined) return "first";
    if (version === last) return "repeats";
    return version < last ? "falls" : "rises";
  }
}

/** Drops what was put in first. */
function drop(collection: Map<string, unknown> | Set<string>): void {
  for (const oldest of collection.keys()) {
    collection.delete(oldest);
    return;
  }
}
