// Bounded text: head and tail stay, since a failure tells its end.

/** At most about `maxChars` characters; `why` stands in the gap. */
export function clipMiddle(text: string, maxChars: number, why?: string): string {
  if (text.length <= maxChars) return text;
  const half = Math.floor(maxChars / 2);
  const note = `${text.length - 2 * half} characters left out${why === undefined ? "" : `: ${why}`}`;
  return `${text.slice(0, half)}\n[… ${note} …]\n${text.slice(text.length - half)}`;
}
