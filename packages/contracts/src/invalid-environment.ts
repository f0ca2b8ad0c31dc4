// What is wrong with the variables that a process of a deployment was started with, for who starts it.
import type { z } from "zod";

import { AgentError } from "./agent-error.ts";
import { describeProblems, schemaProblems } from "./schema-problems.ts";

const next =
  "`export NAME=VALUE` for this process; docs/architecture/distributed.md lists its variables, with an example";

/** The error of a schema of variables. Its messages say what a variable must be, with an example. */
export function invalidEnvironment(error: { issues: readonly z.core.$ZodIssue[] }): AgentError {
  return new AgentError("invalid_input", `The environment is not valid: ${describeProblems(schemaProblems(error))}.`, {
    details: { next },
  });
}

/** What helps when a process does not start: where nothing better is known, the page of its variables. */
export function processNext(error: AgentError): string {
  return error.code === "invalid_input" && error.details["next"] === undefined ? next : error.next;
}
