/**
 * An AbortSignal that fires at Ctrl-C, SIGTERM, SIGHUP, and when npm, which runs us, is gone. Further signals
 * are ignored: a terminal and npm both send us the same Ctrl-C, and the first one is being obeyed.
 * @returns {AbortSignal}
 */
export function abortAtStopSignals() {
  const controller = new AbortController();
  const stop = () => {
    controller.abort(new Error("interrupted"));
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, stop);
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) {
    setInterval(() => {
      if (process.ppid !== parent) stop();
    }, 500).unref();
  }
  return controller.signal;
}
