import type { Sink } from "./io.ts";

const everyMs = 200;
const width = 30;

/** A bar of `done` out of `total`, in so many columns. Pure. */
function bar(done: number, total: number, columns = width): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.floor(share * columns);
  return `[${"#".repeat(full)}${"-".repeat(columns - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** How far long work has come, on a terminal alone: nobody reads a bar in a file. */
export class Progress {
  readonly #sink: Sink;
  readonly #label: string;
  readonly #total: number;
  #done = 0;
  #shownMs = 0;

  constructor(sink: Sink, label: string, total: number) {
    this.#sink = sink;
    this.#label = label;
    this.#total = total;
  }

  advance(by: number): void {
    this.#done += by;
    const nowMs = Date.now();
    if (this.#sink.isTTY !== true || nowMs - this.#shownMs < everyMs) return;
    this.#shownMs = nowMs;
    this.#sink.write(`\r${this.#label} ${bar(this.#done, this.#total)} ${this.#done} of ${this.#total}`);
  }

  /** Takes the bar away, so that what follows begins a line. */
  end(): void {
    if (this.#sink.isTTY === true && this.#shownMs > 0) this.#sink.write("\r\x1b[K");
  }
}
