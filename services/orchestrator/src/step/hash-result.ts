// What a call gave, without what differs from run to run: two runs of the same thing in the same
// tree hash the same. Pure.
import { hashJson, toolSpecs } from "@ossaat/contracts";
import type { Sha256, ToolName, ToolOutput } from "@ossaat/contracts";

const unit = "(?:ns|µs|μs|us|ms|s|secs?|seconds?|mins?|minutes?)";

/** In this order: a time of day would be taken for less than it is by the patterns after it. */
const varying: readonly [RegExp, string][] = [
  // A date with a time, a time of day, a span as h:mm:ss.
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?/gu, "<time>"],
  [/\b\d{1,3}:\d\d:\d\d(?:[.,]\d+)?\b/gu, "<time>"],
  // `duration_ms 1.5`, `time="0.12"`, `Duration: 3`, `# start at 14`.
  [
    new RegExp(
      `\\b(duration(?:_ms)?|elapsed|time|took)(["']?\\s*[:=]?\\s*["']?)\\d+(?:[.,]\\d+)?(?:\\s?${unit}\\b)?`,
      "giu",
    ),
    "$1$2<time>",
  ],
  [new RegExp(`\\b\\d+(?:[.,]\\d+)?\\s?${unit}\\b`, "gu"), "<time>"],
  // `pid 12`, `(node:12)`, `==12==`.
  [/\b(pid|process)([ :=#]+)\d+/giu, "$1$2<pid>"],
  [/\(([a-z][\w.-]*):\d+\)/giu, "($1:<pid>)"],
  [/==\d+==/gu, "==<pid>=="],
  [/(?:\/private)?\/(?:var\/)?(?:tmp|folders)\/[^\s"'`:;,)\]}>]+/gu, "<temporary>"],
  [/\b[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\b/giu, "<id>"],
  [/\b0x[\da-f]{6,16}\b/giu, "<address>"],
];

/** The text of a run without times, durations, process ids, temporary names and addresses. */
export function steadyText(text: string): string {
  return varying.reduce((steady, [pattern, word]) => steady.replace(pattern, word), text);
}

/** Hash of a result. What a tool that changes nothing gives is compared as it is. */
export function hashResult(
  tool: ToolName,
  { text, snapshot, commands = [] }: Pick<ToolOutput, "text" | "snapshot" | "commands">,
): Sha256 {
  const ends = commands.map(({ argv, cwd, exitCode, signal, timedOut }) => ({
    argv,
    cwd,
    exitCode,
    signal: signal ?? null,
    timedOut: timedOut ?? false,
  }));
  return hashJson({
    text: toolSpecs[tool].effect === "pure" ? text : steadyText(text),
    snapshot: snapshot ?? null,
    ends,
  });
}
