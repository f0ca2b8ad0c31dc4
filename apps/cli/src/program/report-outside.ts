// What went wrong before or outside of a command.

/** Whether a command line that could not be read asked for JSON. */
function wantsJson(words: readonly string[]): boolean {
  const output = words[words.indexOf("--output") + 1];
  const named = words.includes("--output") ? output : words.find((word) => word.startsWith("--output="))?.slice(9);
  return words.includes("--json") || named === "json" || named === "ndjson";
}

/** Says it. @returns the exit code */
export async function reportOutside(error: unknown, words: readonly string[], command: string): Promise<number> {
  const { reportError } = await import("../terminal/output.ts");
  return reportError(error, {
    format: wantsJson(words) ? "json" : "text",
    json: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    warn: (text) => void process.stderr.write(`${text}\n`),
    command,
  });
}
