import { isUtf8 } from "node:buffer";

/** Bytes as plain data: text where they are UTF-8, else base64. Pure. */
export function contentData(bytes: Buffer | null): { text: string } | { base64: string } | null {
  if (bytes === null) return null;
  return isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString("base64") };
}

const perLine = 16;

/** Bytes as a person reads them: text where they are UTF-8, else as `hexdump -C` has them; the first `most`. Pure. */
export function contentText(bytes: Buffer, most: number): string {
  const head = bytes.subarray(0, most);
  const left = bytes.length - head.length;
  const rest = left > 0 ? `\n… ${left} bytes more: --json has all of them` : "";
  // A cut in the midst of a character is no reason for hexadecimal.
  return (isUtf8(bytes) ? head.toString().replace(/\ufffd$/, "") : hexDump(head)) + rest;
}

function hexDump(bytes: Buffer): string {
  const lines = [];
  for (let at = 0; at < bytes.length; at += perLine) {
    const row = bytes.subarray(at, at + perLine);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.toString("latin1").replace(/[^\x20-\x7e]/g, ".");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(perLine * 3)} |${text}|`);
  }
  return lines.join("\n");
}
