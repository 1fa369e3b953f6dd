import type { Sink } from "./io.ts";

export type Style = "bold" | "dim" | "red" | "yellow" | "green";

/** A piece of a line. Its text may come from anywhere: it is made safe here, in the one place that writes. */
export type Segment = string | { readonly text: string; readonly style: Style };

export interface Column {
  readonly title: string;
  readonly align?: "right";
}

const codes: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, yellow: 33, green: 32 };
const gap = "  ";

// Control characters move the cursor and retitle windows; format characters hide text or turn it round.
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with everything that a terminal would act on, or not show, as \uXXXX. */
export function neutralised(text: string): string {
  return text.replace(unsafe, escaped);
}

/** The value as JSON that is safe on a terminal and, read by a program, means the same. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(unsafe, (character) =>
    character === "\n" ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
  ).join("");
}

/** Writes lines and tables for a person. */
export class Terminal {
  readonly #sink: Sink;
  readonly #coloured: boolean;

  constructor(sink: Sink, coloured: boolean) {
    this.#sink = sink;
    this.#coloured = coloured;
  }

  line(...segments: readonly Segment[]): void {
    this.#sink.write(`${segments.map((segment) => this.#styled(segment)).join("")}\n`);
  }

  /** Several lines of one plain text. */
  text(text: string): void {
    for (const line of text.replace(/\n$/, "").split("\n")) this.line(line);
  }

  table(columns: readonly Column[], rows: readonly (readonly Segment[])[]): void {
    const widths = columns.map(({ title }, index) =>
      rows.reduce((width, row) => Math.max(width, widthOf(row[index] ?? "")), title.length),
    );
    const write = (row: readonly Segment[]) => {
      const cells = columns.map(({ align }, index) => {
        const cell = row[index] ?? "";
        const padding = " ".repeat((widths[index] ?? 0) - widthOf(cell));
        return align === "right" ? padding + this.#styled(cell) : this.#styled(cell) + padding;
      });
      this.#sink.write(`${cells.join(gap).trimEnd()}\n`);
    };
    write(columns.map(({ title }): Segment => ({ text: title, style: "dim" })));
    for (const row of rows) write(row);
  }

  /** Empties the screen before a view that is written again and again. */
  clear(): void {
    if (this.#sink.isTTY === true) this.#sink.write("\x1b[2J\x1b[H");
  }

  #styled(segment: Segment): string {
    if (typeof segment === "string") return neutralised(segment);
    const text = neutralised(segment.text);
    return this.#coloured && text !== "" ? `\x1b[${codes[segment.style]}m${text}\x1b[0m` : text;
  }
}

function widthOf(segment: Segment): number {
  return Array.from(neutralised(typeof segment === "string" ? segment : segment.text)).length;
}
