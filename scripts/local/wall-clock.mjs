/**
 * The machine's clock in ms since 1970 with microseconds, comparable with other processes' for some minutes.
 * Date.now() rounds down to a whole ms: the largest difference to the fine clock within 2 ms is the true one.
 * @returns {() => number}
 */
export function wallClock() {
  let offset = -Infinity;
  for (const end = performance.now() + 2; performance.now() < end;)
    offset = Math.max(offset, Date.now() - performance.now());
  return () => performance.now() + offset;
}
