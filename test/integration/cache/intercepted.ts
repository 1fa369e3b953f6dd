import {
  type CasAnswer,
  type CasToken,
  type CreateDriver,
  type MemcachedDriver,
  MetaDriver,
} from "@freshet/cache";

type Command = "get" | "getMany" | "add" | "cas" | "delete" | "deleteMany" | "touch";

/**
 * What becomes of a command: `send` executes it on the connection that it was meant for; `reconnect` gives the
 * driver a new one, as a time-out does.
 */
export type Around = <Answer>(
  command: Command,
  send: () => Promise<Answer>,
  reconnect: () => void,
) => Promise<Answer>;

/** Drivers of real nodes whose commands are played by a test. */
export function intercepted(around: Around, { fillsBlindly = false } = {}): CreateDriver {
  return (node, options) => {
    const connect = () => new MetaDriver(node, options);
    return new InterceptedDriver(connect, around, fillsBlindly);
  };
}

/** What no driver offers: stores whatever is there. */
async function set(driver: MetaDriver, key: string, value: Buffer, ttlSeconds: number): Promise<CasAnswer> {
  const standing = await driver.get(key);
  if (standing) return driver.cas(key, value, ttlSeconds, standing.cas);
  await driver.add(key, value, ttlSeconds);
  return "stored";
}

class InterceptedDriver implements MemcachedDriver {
  readonly #connect: () => MetaDriver;
  readonly #around: Around;
  readonly #fillsBlindly: boolean;
  readonly #earlier: MetaDriver[] = [];
  #driver: MetaDriver;

  constructor(connect: () => MetaDriver, around: Around, fillsBlindly: boolean) {
    this.#connect = connect;
    this.#fillsBlindly = fillsBlindly;
    this.#around = around;
    this.#driver = connect();
  }

  get node(): string {
    return this.#driver.node;
  }

  get(key: string) {
    return this.#play("get", (driver) => driver.get(key));
  }

  getMany(keys: readonly string[]) {
    return this.#play("getMany", (driver) => driver.getMany(keys));
  }

  add(key: string, value: Buffer, ttlSeconds: number) {
    return this.#play("add", (driver) => driver.add(key, value, ttlSeconds));
  }

  cas(key: string, value: Buffer, ttlSeconds: number, token: CasToken) {
    return this.#play("cas", (driver) =>
      this.#fillsBlindly ? set(driver, key, value, ttlSeconds) : driver.cas(key, value, ttlSeconds, token),
    );
  }

  delete(key: string) {
    return this.#play("delete", (driver) => driver.delete(key));
  }

  deleteMany(keys: readonly string[]) {
    return this.#play("deleteMany", (driver) => driver.deleteMany(keys));
  }

  touch(key: string, ttlSeconds: number) {
    return this.#play("touch", (driver) => driver.touch(key, ttlSeconds));
  }

  flushAll() {
    return this.#driver.flushAll();
  }

  version() {
    return this.#driver.version();
  }

  close(): void {
    for (const driver of [this.#driver, ...this.#earlier]) driver.close();
  }

  #play<Answer>(command: Command, send: (driver: MetaDriver) => Promise<Answer>): Promise<Answer> {
    const driver = this.#driver;
    return this.#around(
      command,
      () => send(driver),
      () => {
        this.#earlier.push(driver);
        this.#driver = this.#connect();
      },
    );
  }
}
