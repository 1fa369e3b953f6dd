import { readFileSync } from "node:fs";
import specs from "@asyncapi/specs";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { freshet } from "../../../test/support/cli.ts";
import { parseManifest, publishedEventJsonSchema } from "@freshet/contracts";
import { asyncApi } from "./asyncapi.ts";

const file = (path: string) => new URL(`../../../${path}`, import.meta.url);
const official: object = specs.schemasWithoutId["3.0.0"];
const published: unknown = JSON.parse(readFileSync(file("docs/asyncapi.json"), "utf8"));
const manifest = parseManifest(
  {
    freshet: 1,
    service: "shop",
    publishes: {
      "Order.v2": {
        entity: "order",
        topic: "order.events.v2",
        fields: ["state"],
        routing: { buyer: "string?" },
      },
      Refund: { entity: "refund", topic: "order.events.v2", fields: ["sum"], routing: {} },
    },
  },
  "shop.yaml",
);

it.each([
  ["docs/asyncapi.json", published],
  ["the document of other manifests", asyncApi([manifest])],
  ["the document of none", asyncApi([])],
])("%s is valid by AsyncAPI's own schema", (_, document) => {
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(official);
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
});

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

it("refers to nothing that is not there", () => {
  const pointers = [...JSON.stringify(published).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
    ([, path = ""]) => path,
  );
  expect(pointers.length).toBeGreaterThan(10);
  const found = (path: string) => path.split("/").reduce(member, published);
  expect(pointers.filter((path) => found(path) === undefined)).toEqual([]);
});

it("describes by its components the event that the JSON Schema of one event describes", () => {
  const { components } = asyncApi([manifest]) as { components: { schemas: Record<string, object> } };
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "document", components });
  const byDocument = ajv.getSchema("document#/components/schemas/Order.v2");
  const event = manifest.publishes["Order.v2"];
  if (!event) throw new Error("no event");
  const byItself = ajv.compile(publishedEventJsonSchema("Order.v2", event));
  const data = { version: 1, change: "created", before: null, after: { buyer: "b" } };
  const order = { specversion: "1.0", id: "1", source: "shop", type: "Order.v2", subject: "7", data };
  const cases = [order, { ...order, type: "Order" }, { ...order, data: { ...data, after: { buyer: 1 } } }];
  expect(cases.map((one) => byDocument?.(one))).toEqual([true, false, false]);
  expect(cases.map((one) => byItself(one))).toEqual([true, false, false]);
});

it("prints the document, or one event's schema, and says which events there are", async () => {
  const env = { MANIFESTS_DIR: file("deploy/manifests").pathname };
  const asked = async (...more: string[]) => await freshet(["manifests", "asyncapi", ...more], { env });
  const whole = await asked();
  expect(Object.keys((JSON.parse(whole.stdout) as { channels: object }).channels)).toEqual([
    "profile.events.v1",
  ]);
  const one = await asked("--schema", "ProfileChanged");
  expect(JSON.parse(one.stdout)).toEqual(
    JSON.parse(readFileSync(file("docs/schemas/events/ProfileChanged.schema.json"), "utf8")),
  );
  const none = await asked("--schema", "Nope");
  expect(none.exitCode).toBe(2);
  expect(none.stderr).toContain("no manifest publishes Nope; there are ProfileChanged");
});
