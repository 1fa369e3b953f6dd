const WIDTH = 30;

/** A progress bar on a terminal; elsewhere a line for each step. */
export class Progress {
  #scenario = 0;
  /** @type {readonly string[]} */
  #scenarios;

  /** @param {readonly string[]} scenarios in their order */
  constructor(scenarios) {
    this.#scenarios = scenarios;
  }

  /** The scenario in hand is done. */
  advance() {
    this.#clear();
    this.#scenario += 1;
  }

  /**
   * Says what is done next within the scenario in hand.
   * @param {string} what
   */
  next(what) {
    const { stdout } = process;
    const text = `${this.#scenarios[this.#scenario] ?? ""}: ${what}`;
    if (stdout.isTTY) {
      const filled = Math.round((this.#scenario / this.#scenarios.length) * WIDTH);
      stdout.write(`\r\x1b[K${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${text}`);
    } else console.log(`${this.#scenario + 1}/${this.#scenarios.length} ${text}`);
  }

  #clear() {
    if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
  }
}
