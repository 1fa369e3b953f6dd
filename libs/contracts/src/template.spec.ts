import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeKeyParam,
  type KeyTemplate,
  maxKeyBytes,
  parseKeyTemplate,
  parseTagTemplate,
  renderKey,
  renderTagKey,
  templatesOverlap,
} from "./index.ts";

const refused = (code: string): unknown => expect.objectContaining({ code });

describe("a key parameter", () => {
  it.each([
    ["a b", "~c8687a08aa5d6ed2044328fa6a697ab8"],
    ["", "~e3b0c44298fc1c149afbf4c8996fb924"],
    ["42", "42"],
    [42, "42"],
    [-7, "-7"],
    [-0, "0"],
    [Number.MAX_SAFE_INTEGER, "9007199254740991"],
    ["Zoë", "Zoë"],
    ["a~b", "a~b"],
    ["{a}", "{a}"],
    ["x".repeat(64), "x".repeat(64)],
    ["é".repeat(32), "é".repeat(32)],
    ["\u00a0", "\u00a0"],
  ])("%j stands as %j", (value, rendered) => {
    expect(encodeKeyParam(value)).toBe(rendered);
  });

  it.each(["~", "~a", "a:b", "a\nb", "a\u007f", "\u0000", " a", "x".repeat(65), "é".repeat(33)])(
    "%j is hashed",
    (value) => {
      expect(encodeKeyParam(value)).toMatch(/^~[0-9a-f]{32}$/);
    },
  );

  it("is not normalised: two spellings of one letter are two keys", () => {
    expect(encodeKeyParam("\u00eb")).not.toBe(encodeKeyParam("e\u0308"));
  });

  it.each(["\ud800", "a\udc00b", 1.5, NaN, Infinity, 2 ** 53])("%j is refused", (value) => {
    expect(() => encodeKeyParam(value)).toThrow(refused("KEY_PARAM_INVALID"));
  });

  it("takes 1–64 bytes that every memcached client accepts, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const bytes = Buffer.from(encodeKeyParam(text));
        expect(bytes.length).toBeGreaterThan(0);
        expect(bytes.length).toBeLessThanOrEqual(64);
        expect(bytes.every((byte) => byte > 0x20 && byte !== 0x7f && byte !== 0x3a)).toBe(true);
      }),
    );
  });
});

describe("a key template", () => {
  it("is segments of literals and parameters", () => {
    const template = parseKeyTemplate("page:{a}:of:{b}:{a}");
    expect(template.params).toEqual(["a", "b"]);
    expect(renderKey(template, { a: "x", b: 2 })).toBe("page:x:of:2:x");
  });

  it.each([
    "",
    ":",
    "a::b",
    "{a}",
    "{a}:b",
    "t:{a}",
    "t",
    "a:{b",
    "a:x{b}",
    "a:{b}{c}",
    "a:{b-c}",
    "a:{}",
    "a b:{c}",
    "a\n",
    "a:\ud800",
  ])("%j is refused", (source) => {
    expect(() => parseKeyTemplate(source)).toThrow(refused("TEMPLATE_INVALID"));
  });

  it("is refused when a key could pass memcached's limit", () => {
    expect(() => parseKeyTemplate(`${"x".repeat(185)}:{a}`)).not.toThrow();
    expect(() => parseKeyTemplate(`${"x".repeat(186)}:{a}`)).toThrow(refused("TEMPLATE_INVALID"));
    expect(() => parseKeyTemplate("é".repeat(126))).toThrow(refused("TEMPLATE_INVALID"));
  });

  it("needs every parameter, its own properties alone", () => {
    expect(() => renderKey(parseKeyTemplate("a:{b}"), {})).toThrow(refused("KEY_PARAM_INVALID"));
    expect(() => renderKey(parseKeyTemplate("a:{constructor}"), {})).toThrow(refused("KEY_PARAM_INVALID"));
    expect(() => renderKey(parseKeyTemplate("a:{__proto__}"), {})).toThrow(refused("KEY_PARAM_INVALID"));
  });

  it("never renders beyond the limit, and different parameters never give the same key", () => {
    const params = fc.record({
      a: fc.string({ unit: "binary" }),
      b: fc.oneof(fc.string(), fc.maxSafeInteger()),
    });
    const longest = parseKeyTemplate(`${"é".repeat(59)}:{a}:{b}`);
    fc.assert(
      fc.property(params, params, (one, other) => {
        const key = renderKey(longest, one);
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(maxKeyBytes);
        const same = one.a === other.a && String(one.b) === String(other.b);
        expect(renderKey(longest, other) === key).toBe(same);
      }),
    );
  });
});

describe("a tag", () => {
  it("has a key of its own, apart from every view's", () => {
    expect(renderTagKey(parseTagTemplate("search:team:{teamId}"), { teamId: "t 1" })).toMatch(
      /^t:search:team:~[0-9a-f]{32}$/,
    );
  });

  it("leaves room for its prefix", () => {
    expect(() => parseTagTemplate("x".repeat(248))).not.toThrow();
    expect(() => parseTagTemplate("x".repeat(249))).toThrow(refused("TEMPLATE_INVALID"));
  });
});

describe("two templates overlap", () => {
  const overlap = (a: string, b: string): boolean =>
    templatesOverlap(parseKeyTemplate(a), parseKeyTemplate(b));

  it.each([
    ["a:{x}", "a:{y}", true],
    ["a:{x}:c", "a:b:{y}", true],
    ["a:{x}", "a:b", true],
    ["a:{x}:c", "a:{y}:d", false],
    ["a:{x}", "b:{x}", false],
    ["a:{x}", "a:{x}:{y}", false],
  ])("%s and %s: %s", (a, b, expected) => {
    expect(overlap(a, b)).toBe(expected);
    expect(overlap(b, a)).toBe(expected);
  });

  it("whenever some parameters give both the same key", () => {
    const segment = fc.constantFrom("a", "b", "{x}", "{y}");
    const template = fc
      .array(segment, { maxLength: 3 })
      .map((segments) => parseKeyTemplate(["k", ...segments].join(":")));
    const keys = (of: KeyTemplate): string[] =>
      ["a", "b"].flatMap((x) => ["a", "b"].map((y) => renderKey(of, { x, y })));
    fc.assert(
      fc.property(template, template, (a, b) => {
        if (keys(a).some((key) => keys(b).includes(key))) expect(templatesOverlap(a, b)).toBe(true);
      }),
    );
  });
});
