const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A figure and its unit, apart: the unit is set smaller. @typedef {{ value: string, unit: string }} Quantity */

/** @param {number} count */
export function number(count) {
  return whole.format(count);
}

/** @param {number} perSecond @returns {Quantity} */
export function rate(perSecond) {
  const value = perSecond >= 100 ? whole.format(perSecond) : oneDigit.format(perSecond);
  return { value, unit: "/s" };
}

/** @param {number} ms @returns {Quantity} */
export function milliseconds(ms) {
  if (ms >= 10_000) return duration(ms / 1_000);
  if (ms >= 1_000) return { value: twoDigits.format(ms / 1_000), unit: "s" };
  return { value: ms < 10 ? oneDigit.format(ms) : whole.format(ms), unit: "ms" };
}

/** @param {number} seconds @returns {Quantity} */
export function duration(seconds) {
  if (seconds === 0) return { value: "0", unit: "s" };
  if (seconds < 1) return { value: whole.format(Math.max(1, seconds * 1_000)), unit: "ms" };
  if (seconds < 100) return { value: oneDigit.format(seconds), unit: "s" };
  if (seconds < 6_000) return { value: whole.format(seconds / 60), unit: "min" };
  return { value: oneDigit.format(seconds / 3_600), unit: "h" };
}

/** @param {Quantity} quantity */
export function written({ value, unit }) {
  return unit.startsWith("/") ? value + unit : `${value}\u00a0${unit}`;
}

/** @param {number} ms since 1970 */
export function timeOfDay(ms) {
  return clock.format(ms);
}

/**
 * "1 node", "2 nodes"
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${number(count)}\u00a0${count === 1 ? one : many}`;
}
