const minuteLength = "2026-11-22T20:00".length;
const [zero, colon, point] = [0x30, 0x3a, 0x2e];

/** Of the last text that was read. */
let minute = "";
let minuteMs = 0;

/**
 * Milliseconds since 1970 of an ISO 8601 text with its offset, as Date.parse has it. What publishers write are texts
 * like 2026-11-22T20:00:00.000Z, and many of one minute: of these only seconds and milliseconds are read.
 */
export function timeMs(text: string): number {
  if (
    text.length !== 24 ||
    text.charCodeAt(16) !== colon ||
    text.charCodeAt(19) !== point ||
    !text.endsWith("Z")
  )
    return Date.parse(text);
  if (minute === "" || !text.startsWith(minute)) {
    const ms = Date.parse(`${text.slice(0, minuteLength)}Z`);
    if (Number.isNaN(ms)) return Date.parse(text);
    minute = text.slice(0, minuteLength);
    minuteMs = ms;
  }
  const digit = (at: number) => text.charCodeAt(at) - zero;
  const seconds = 10 * digit(17) + digit(18);
  return minuteMs + 1_000 * seconds + 100 * digit(20) + 10 * digit(21) + digit(22);
}
