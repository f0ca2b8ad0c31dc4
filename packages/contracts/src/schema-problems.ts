// What a schema finds wrong, in words for people: no names of the schema library, no internal types.
import { z } from "zod";

export type SchemaProblem = { path: string; message: string };

/** The library's own wording; a schema that says something better keeps it. */
const standard = /^(?:Invalid\b|Too (?:small|big)\b|Unrecognized keys?\b)/u;

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  null: "null",
};

const nameOf = (type: string) => typeNames[type] ?? type;
const quoted = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).join(", ");

function boundText(origin: string, bound: number | bigint, which: "least" | "most"): string {
  const amount = `at ${which} ${bound}`;
  switch (origin) {
    case "string":
      return `must have ${amount} ${bound === 1 ? "character" : "characters"}`;
    case "array":
    case "set":
      return `must have ${amount} ${bound === 1 ? "entry" : "entries"}`;
    default:
      return `must be ${amount}`;
  }
}

function typeText({ message, expected }: { message: string; expected: string }): string {
  const received = /received (\w+)/u.exec(message)?.[1];
  if (received === "undefined") return "is missing";
  return `must be ${nameOf(expected)}${received === undefined ? "" : `, not ${nameOf(received)}`}`;
}

function plainText(issue: z.core.$ZodIssue): string {
  if (!standard.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return typeText(issue);
    case "invalid_value":
      return issue.values.length === 1 ? `must be ${quoted(issue.values)}` : `must be one of ${quoted(issue.values)}`;
    case "unrecognized_keys":
      return `does not know ${quoted(issue.keys)}`;
    case "too_small":
      return boundText(issue.origin, issue.minimum, "least");
    case "too_big":
      return boundText(issue.origin, issue.maximum, "most");
    case "invalid_union":
      return "has no form that is allowed here";
    case "invalid_format":
      return `is not written as ${issue.format === "regex" ? "it must be" : issue.format}`;
    default:
      return issue.message;
  }
}

/** Every problem with the place it is at, `steps[0].title`; empty = the value as a whole. */
export function schemaProblems(error: { issues: readonly z.core.$ZodIssue[] }): SchemaProblem[] {
  return error.issues.map((issue) => ({ path: z.core.toDotPath(issue.path), message: plainText(issue) }));
}

/** The problems in one line: `steps[0].title is missing; budget.maxTokens: …`. */
export function describeProblems(problems: readonly SchemaProblem[]): string {
  const isSentence = /^(?:is|must|has|does)\b/u;
  return problems
    .map(({ path, message }) => (path === "" ? message : `${path}${isSentence.test(message) ? "" : ":"} ${message}`))
    .join("; ");
}
