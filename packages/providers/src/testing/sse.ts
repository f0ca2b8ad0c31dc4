// Event streams written by hand.

/** `data:` frames of JSON values, each with its `event:` name when it has a type. */
export function sse(events: readonly (object & { type?: string })[], options: { named: boolean }): string {
  return events
    .map((event) => {
      const name = options.named && event.type !== undefined ? `event: ${event.type}\n` : "";
      return `${name}data: ${JSON.stringify(event)}\n\n`;
    })
    .join("");
}
