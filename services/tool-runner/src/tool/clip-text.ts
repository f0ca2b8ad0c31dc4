// Bounded text: head and tail stay, the middle is named.

/** At most about `maxBytes` of UTF-8, cut at line ends where possible. */
export function clipText(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxBytes) return text;
  const half = Math.floor(maxBytes / 2);
  return `${headOf(bytes, half)}\n${omission(bytes.length - 2 * half)}\n${tailOf(bytes, half)}`;
}

export function omission(bytes: number): string {
  return `[… ${bytes} bytes left out; the full output is in the log …]`;
}

/** First bytes as text, without half a character at the end. */
export function headOf(bytes: Buffer, length: number): string {
  return bytes
    .subarray(0, length)
    .toString("utf8")
    .replace(/\uFFFD+$/u, "");
}

/** Last bytes as text, without half a character at the start. */
export function tailOf(bytes: Buffer, length: number): string {
  return bytes
    .subarray(Math.max(0, bytes.length - length))
    .toString("utf8")
    .replace(/^\uFFFD+/u, "");
}
