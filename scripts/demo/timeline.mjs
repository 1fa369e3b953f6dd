/** What a step of the demo did not see in time. */
export class NotSeen extends Error {
  /**
   * @param {string} expected
   * @param {string} saw
   */
  constructor(expected, saw) {
    super(`expected ${expected}, saw ${saw}`);
    this.expected = expected;
    this.saw = saw;
  }
}

/** Tells a story of titled steps. A line is printed after what it tells was seen, never before. */
export class Timeline {
  #steps = 0;
  /** The step that is played now. */
  title = "before the first step";
  #titlePrinted = true;

  /**
   * Begins a step; its title is printed with the first thing seen.
   * @param {string} title
   */
  step(title) {
    this.#steps += 1;
    this.title = `${this.#steps}. ${title}`;
    this.#titlePrinted = false;
  }

  /**
   * Prints what was seen, and how long it took.
   * @param {number} ms
   * @param {string} text
   */
  seen(ms, text) {
    if (!this.#titlePrinted) console.log(`\n${this.title}`);
    this.#titlePrinted = true;
    console.log(`${format(ms).padStart(10)} ms  ${text}`);
  }
}

/**
 * Milliseconds as people read them: 0.42, 7.3, 1,234.
 * @param {number} ms
 */
export function format(ms) {
  const digits = ms < 1 ? 2 : ms < 100 ? 1 : 0;
  return ms.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * Runs `work` and answers its value with the milliseconds it took.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<{ value: T, ms: number }>}
 */
export async function timed(work) {
  const started = performance.now();
  const value = await work();
  return { value, ms: performance.now() - started };
}
