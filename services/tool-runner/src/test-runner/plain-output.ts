// The words of test runners that print data: a model reads these, not the data around them.

/** `go test -json`: one event a line; `Output` is what go would have printed. Other lines stay. */
export function plainGo(output: string): string {
  return output
    .split("\n")
    .map((line) => {
      if (!line.startsWith("{")) return `${line}\n`;
      try {
        const { Action, Output = "" } = JSON.parse(line) as { Action?: string; Output?: string };
        return Action === undefined ? `${line}\n` : Output;
      } catch {
        // Cut in the middle, or a line of the program's own.
        return `${line}\n`;
      }
    })
    .join("");
}

/** `jest --json`: the report is one line; all else is for people. */
export function plainJest(output: string): string {
  return output
    .split("\n")
    .filter((line) => !line.startsWith('{"num'))
    .join("\n");
}
