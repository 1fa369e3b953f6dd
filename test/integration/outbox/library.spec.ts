// The ways to hand over a transaction, as libs/outbox/README.md shows them.
import { defineChangeEvent } from "@freshet/contracts";
import { createOutbox, drizzleTransaction, type OutboxTransaction } from "@freshet/outbox";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { bigint, pgTable, text } from "drizzle-orm/pg-core";
import type pg from "pg";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { waitFor } from "../../support/wait-for.ts";
import { Harness } from "./harness.ts";

const ProductChanged = defineChangeEvent({
  type: "ProductChanged",
  entity: "product",
  topic: "product.events.v1",
  fields: ["sku", "title", "price"],
  routing: z.object({ sku: z.string() }),
});

const outbox = createOutbox({ source: "catalogue" });

const products = pgTable("products", {
  id: text("id").primaryKey(),
  version: bigint("version", { mode: "number" }).notNull(),
  sku: text("sku").notNull(),
  title: text("title").notNull(),
  price: bigint("price", { mode: "number" }).notNull(),
});

async function withProducts(): Promise<Harness> {
  const harness = await Harness.open();
  await harness.pool.query(`CREATE TABLE products
    (id text PRIMARY KEY, version bigint NOT NULL, sku text NOT NULL, title text NOT NULL, price bigint NOT NULL)`);
  await harness.pool.query(`INSERT INTO products VALUES ('7', 3, 'mug-1', 'Mug', 900)`);
  return harness;
}

/** What a relay publishes of the outbox. */
async function published(harness: Harness): Promise<unknown[]> {
  harness.relay().start();
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  return harness.log.map(({ key, topic, value }) => {
    const { type, source, data } = JSON.parse(value) as Record<string, unknown>;
    return { key, topic, type, source, data };
  });
}

const renamed = {
  key: "7",
  topic: "product.events.v1",
  type: "ProductChanged",
  source: "catalogue",
  data: {
    version: 4,
    change: "updated",
    changedFields: ["title"],
    before: { sku: "mug-1" },
    after: { sku: "mug-1" },
  },
};

test("a drizzle transaction: row and event are committed together, and rolled back together", async () => {
  await using harness = await withProducts();
  const database = drizzle(harness.pool);

  async function rename(id: string, title: string): Promise<void> {
    await database.transaction(async (tx) => {
      const [before] = await tx.select().from(products).where(eq(products.id, id)).for("update");
      if (!before) throw new Error(`there is no product ${id}`);
      const after = { ...before, title, version: before.version + 1 };
      await tx.update(products).set(after).where(eq(products.id, id));
      const { version } = after;
      await outbox.add(drizzleTransaction(tx, sql), ProductChanged, { id, version, before, after });
    });
  }

  await rename("7", "Big mug");
  const failing = database.transaction(async (tx) => {
    const product = { id: "8", version: 1, sku: "cup-1", title: "Cup", price: 500 };
    await outbox.add(drizzleTransaction(tx, sql), ProductChanged, {
      ...product,
      before: null,
      after: product,
    });
    throw new Error("the caller's");
  });
  await expect(failing).rejects.toThrow("the caller's");
  expect(await published(harness)).toEqual([renamed]);
});

test("a client of pg is a transaction as it is", async () => {
  await using harness = await withProducts();
  const { pool } = harness;

  async function rename(id: string, title: string): Promise<void> {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const locked = await client.query<Product>("SELECT * FROM products WHERE id = $1 FOR UPDATE", [id]);
      const [row] = locked.rows;
      if (!row) throw new Error(`there is no product ${id}`);
      const before = { ...row, version: Number(row.version) }; // pg hands over a bigint as text
      const after = { ...before, title, version: before.version + 1 };
      await client.query("UPDATE products SET title = $2, version = $3 WHERE id = $1", [
        id,
        title,
        after.version,
      ]);
      await outbox.add(client, ProductChanged, { id, version: after.version, before, after });
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  }

  await rename("7", "Big mug");
  await expect(rename("8", "Cup")).rejects.toThrow("there is no product 8");
  expect(await published(harness)).toEqual([renamed]);
});

interface Product {
  id: string;
  version: string;
  sku: string;
  title: string;
  price: string;
}

test("anything that runs one statement is a transaction by one method", async () => {
  await using harness = await withProducts();
  const before = { sku: "mug-1", title: "Mug", price: 900 };
  const after = { ...before, title: "Big mug" };
  await harness.transaction(async (client) => {
    const library = { run: (command: Statement) => client.query(command.text, command.values) };

    const tx: OutboxTransaction = { query: (text, values) => library.run({ text, values }) };
    await outbox.add(tx, ProductChanged, { id: "7", version: 4, before, after });
  });
  expect(await published(harness)).toEqual([renamed]);
});

interface Statement {
  text: string;
  values: unknown[];
}

test("what is no transaction, or lacks what the event says, does not compile", () => {
  expectTypeOf<pg.PoolClient>().toExtend<OutboxTransaction>();
  expectTypeOf<pg.Client>().toExtend<OutboxTransaction>();
  expectTypeOf<{ query(text: string): Promise<void> }>().toExtend<OutboxTransaction>();
  expectTypeOf<{ query(text: string, values: number): Promise<void> }>().not.toExtend<OutboxTransaction>();
  expectTypeOf<{ execute(text: string): Promise<void> }>().not.toExtend<OutboxTransaction>();

  type Add = typeof outbox.add<typeof ProductChanged>;
  const whole = { id: "7", version: 1, before: null, after: { sku: "mug-1", title: "Mug", price: 900 } };
  const withoutPrice = { ...whole, after: { sku: "mug-1", title: "Mug" } };
  const withNumericSku = { ...whole, after: { sku: 1, title: "Mug", price: 900 } };
  expectTypeOf(whole).toExtend<Parameters<Add>[2]>();
  expectTypeOf(withoutPrice).not.toExtend<Parameters<Add>[2]>();
  expectTypeOf(withNumericSku).not.toExtend<Parameters<Add>[2]>();
});
