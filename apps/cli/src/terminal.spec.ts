import { describe, expect, it } from "vitest";
import { neutralised, Terminal, toJson } from "./terminal.ts";

const hostile = "\x1b]0;owned\x07\u009b2J\u202Eevil\u2028\n\u200b\ud800é🙂";

function written(coloured: boolean, use: (out: Terminal) => void): string {
  let text = "";
  use(
    new Terminal(
      {
        write: (more) => {
          text += more;
        },
      },
      coloured,
    ),
  );
  return text;
}

describe("neutralised", () => {
  it("shows what a terminal would act on as \\uXXXX, and leaves letters of every language alone", () => {
    expect(neutralised(hostile)).toBe(
      "\\u001b]0;owned\\u0007\\u009b2J\\u202eevil\\u2028\\u000a\\u200b\\ud800é🙂",
    );
  });
});

describe("toJson", () => {
  it("is safe on a terminal and means the same to a machine", () => {
    const text = toJson({ subject: hostile, nested: ["\x9b"] }, 2);
    expect(text).not.toMatch(/[^\n\x20-\x7eé🙂]/u);
    expect(JSON.parse(text)).toEqual({ subject: hostile, nested: ["\x9b"] });
  });
});

describe("Terminal", () => {
  it("colours nothing unless it may", () => {
    const line = (out: Terminal) => {
      out.line("a ", { text: "b", style: "red" });
    };
    expect(written(false, line)).toBe("a b\n");
    expect(written(true, line)).toBe("a \x1b[31mb\x1b[0m\n");
  });

  it("writes no escape of a cell's own, neither in a line nor in a table", () => {
    const text = written(true, (out) => {
      out.line(hostile, { text: hostile, style: "bold" });
      out.table([{ title: "KEY" }], [[hostile], [{ text: hostile, style: "dim" }]]);
    });
    expect(text.replaceAll(/\x1b\[(0|1|2|31)m/g, "")).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  });

  it("aligns columns by what is seen, numbers to the right, without blanks at the end", () => {
    const text = written(false, (out) => {
      out.table(
        [{ title: "KEY" }, { title: "N", align: "right" }, { title: "WHY" }],
        [
          ["é\x07", "7", ""],
          ["long key", "1234", "because"],
        ],
      );
    });
    expect(text).toBe("KEY          N  WHY\né\\u0007      7\nlong key  1234  because\n");
  });
});
