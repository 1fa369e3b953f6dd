import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type Cached,
  decodeCached,
  decodeVersionsHeader,
  encodeCachedValue,
  encodeLease,
  encodeVersionsHeader,
  entityKey,
  satisfies,
  isWellFormed,
} from "./index.ts";

const id = fc.string({ unit: "grapheme", minLength: 1 });
const versions = fc
  .array(fc.tuple(fc.constantFrom("profile", "team"), id, fc.maxSafeNat()))
  .map((entries) =>
    Object.fromEntries(entries.map(([entity, key, version]) => [entityKey(entity, key), version])),
  );

/** With the versions read. */
function decode(text: string) {
  const cached: Cached = decodeCached(Buffer.from(text));
  if (cached.kind !== "value") return cached;
  const { kind, data, tags } = cached;
  return { kind, versions: cached.versions, data, tags };
}

describe("a cached value", () => {
  it.each([
    [{ versions: { "profile:42": 7 }, data: { a: 1 } }, '{"vs":{"profile:42":7},"d":{"a":1}}'],
    [{ versions: { "profile:42": 8 }, data: null }, '{"vs":{"profile:42":8},"d":null}'],
    [{ versions: {}, data: undefined }, '{"vs":{},"d":null}'],
    [{ versions: {}, data: 1, tags: {} }, '{"vs":{},"d":1}'],
    [
      { versions: {}, data: 1, tags: { "t:search": "0123456789abcdef" } },
      '{"vs":{},"d":1,"t":{"t:search":"0123456789abcdef"}}',
    ],
  ])("is stored compactly: %j", (value, stored) => {
    expect(encodeCachedValue(value)).toBe(stored);
  });

  it("comes back as it was stored", () => {
    const tags = fc.dictionary(id, id);
    fc.assert(
      fc.property(versions, fc.jsonValue(), tags, (vs, data, t) => {
        const plain = JSON.parse(JSON.stringify({ data, t })) as { data: unknown; t: Record<string, string> };
        fc.pre(!Object.hasOwn(plain.t, "__proto__"));
        expect(decode(encodeCachedValue({ versions: vs, ...plain, tags: plain.t }))).toEqual({
          kind: "value",
          versions: vs,
          data: plain.data,
          tags: plain.t,
        });
      }),
    );
  });

  it("is read the same by its first bytes, and as any JSON, which a space in it makes it", () => {
    const tails = fc.constantFrom("}", "}}", ',"d":2}', ',"l":"0123456789abcdef"}', "} ", ', "t":{}}', "");
    const heads = fc.constantFrom(
      ...[
        '"profile:42":7',
        '"a:1":1,"a:1":2',
        '"a:1":07',
        '"a:1":-0',
        '"a:1":1e3',
        '":1":1',
        '"a\\u003a1":1',
        "",
      ],
      ...[
        '"a:1":999999999999999',
        '"a:1":9007199254740993',
        '"é:\u2028":1',
        '"a:\n":1',
        '"a:1":1,',
        '"a:\\"":1',
      ],
    );
    const datas = fc.oneof(
      fc.jsonValue().map((json) => JSON.stringify(json)),
      fc.constantFrom(
        '{"x":"0123456789abcdef"}',
        '{"t":{"t:a":"0123456789abcdef"}}',
        " 1",
        "",
        "1,2",
        "undefined",
      ),
    );
    fc.assert(
      fc.property(heads, datas, tails, (head, data, tail) => {
        const text = `{"vs":{${head}},"d":${data}${tail}`;
        expect(decode(text)).toEqual(decode(text.replace("{", "{ ")));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is told from a lease by its fields", () => {
    expect(encodeLease("0123456789abcdef")).toBe('{"l":"0123456789abcdef"}');
    expect(decode('{"l":"0123456789abcdef"}')).toEqual({ kind: "lease", id: "0123456789abcdef" });
  });

  it.each([
    "",
    "{",
    "[]",
    "null",
    "42",
    "{}",
    '{"vs":{}}',
    '{"d":1}',
    '{"vs":{"profile:42":"7"},"d":1}',
    '{"vs":{"profile:42":-1},"d":1}',
    '{"vs":{"profile:42":1.5},"d":1}',
    '{"vs":{"profile":7},"d":1}',
    '{"vs":{"profile:\\ud800":7},"d":1}',
    '{"vs":[],"d":1}',
    '{"vs":{},"d":1,"t":{"a":1}}',
    '{"l":"0123456789ABCDEF"}',
    '{"l":"0123"}',
    '{"__proto__":{"vs":{},"d":1}}',
    '{"vs":{},"__proto__":{"d":1}}',
  ])("is foreign if it is %s", (stored) => {
    expect(decode(stored)).toEqual({ kind: "foreign" });
  });

  it("never throws, whatever the bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array().map((value) => Buffer.from(value)),
      fc.json().map((value) => Buffer.from(value)),
      fc
        .record({ vs: fc.jsonValue(), d: fc.jsonValue(), t: fc.jsonValue() }, { requiredKeys: [] })
        .map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(bytes, (value) => {
        expect(["value", "lease", "foreign"]).toContain(decodeCached(value).kind);
      }),
    );
  });
});

describe("what stands under a key", () => {
  const value = z.object({
    vs: z.record(
      z
        .string()
        .regex(/^[^:]+:/)
        .refine(isWellFormed),
      z.int().nonnegative(),
    ),
    d: z.unknown(),
    t: z.record(z.string(), z.string()).optional(),
  });
  const lease = z.object({ l: z.string().regex(/^[0-9a-f]{16}$/) });
  const entity = fc.constantFrom("profile:42", "a:b:c", ":42", "profile", "", "a:\ud800", "\n:", "é:1");
  const anything = fc.constantFrom(0, 7, -1, 1.5, 2 ** 53, "7", "", null, true, [], [1], {}, { a: 1 });
  const document = fc.record(
    {
      vs: fc.oneof(fc.dictionary(entity, fc.oneof(fc.maxSafeNat(), anything)), anything),
      d: anything,
      t: fc.oneof(fc.dictionary(entity, fc.oneof(fc.string(), anything)), anything),
      l: fc.oneof(fc.constantFrom("0123456789abcdef", "0123456789ABCDEF", "0123456789abcdef0"), anything),
      x: anything,
    },
    { requiredKeys: [] },
  );

  it("is told as a schema would tell it", () => {
    fc.assert(
      fc.property(document, (json) => {
        const text = JSON.stringify(json);
        const asValue = value.safeParse(JSON.parse(text));
        const asLease = lease.safeParse(JSON.parse(text));
        expect(decode(text)).toEqual(
          asValue.success
            ? {
                kind: "value",
                versions: asValue.data.vs,
                data: asValue.data.d,
                tags: asValue.data.t ?? {},
              }
            : asLease.success
              ? { kind: "lease", id: asLease.data.l }
              : { kind: "foreign" },
        );
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("versions", () => {
  it.each([
    [{ "profile:42": 7 }, {}, true],
    [{ "profile:42": 7 }, { "profile:42": 7 }, true],
    [{ "profile:42": 7 }, { "profile:42": 8 }, false],
    [{ "profile:42": 7 }, { "profile:43": 1 }, false],
    [{ "profile:42": 7, "team:t1": 3 }, { "team:t1": 3, "profile:42": 2 }, true],
    [{}, { constructor: 0 }, false],
  ])("%j satisfy the minimum %j: %s", (cached, min, expected) => {
    expect(satisfies(cached, min)).toBe(expected);
  });

  it("come back from a header as they were sent", () => {
    expect(encodeVersionsHeader({ "profile:a,b=c:d": 7, "team:t1": 3 })).toBe(
      "profile:a%2Cb%3Dc%3Ad=7,team:t1=3",
    );
    fc.assert(
      fc.property(versions, (vs) => {
        fc.pre(Object.keys(vs).length > 0);
        expect(decodeVersionsHeader(encodeVersionsHeader(vs))).toEqual(vs);
      }),
    );
  });

  it("may stand apart by white space, and of two for one entity the higher counts", () => {
    expect(decodeVersionsHeader("profile:42=7, profile:42=3 ,team:t1=1")).toEqual({
      "profile:42": 7,
      "team:t1": 1,
    });
  });

  it.each([
    "",
    "42=7",
    "profile=7",
    "profile:42",
    "profile:42=-1",
    "profile:42=x",
    "profile:%=1",
    "a:b=1,",
    "a:b=9999999999999999",
  ])("are not read from %j", (header) => {
    expect(decodeVersionsHeader(header)).toBeUndefined();
  });
});
