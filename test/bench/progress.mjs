const WIDTH = 30;

/** A progress bar on a terminal; elsewhere a line for each step. */
export class Progress {
  #done = 0;
  /** @type {number} */
  #total;

  /** @param {number} total steps */
  constructor(total) {
    this.#total = total;
  }

  /**
   * Says what is done next.
   * @param {string} what
   */
  next(what) {
    const { stdout } = process;
    if (stdout.isTTY) {
      const filled = Math.round((this.#done / this.#total) * WIDTH);
      stdout.write(`\r\x1b[K${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${what}`);
    } else console.log(`${this.#done + 1}/${this.#total} ${what}`);
    this.#done += 1;
  }

  end() {
    if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
  }
}
