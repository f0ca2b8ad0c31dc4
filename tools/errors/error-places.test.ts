// Every error that reaches a person ends with a command that helps: at its place, or by its code.
import { execFileSync } from "node:child_process";

import { errorTable } from "../../packages/contracts/src/agent-error.ts";
import { describe, expect, test } from "vitest";

import { createProgram } from "../../apps/cli/src/program.ts";
import { findErrorPlaces, findErrorPlacesIn } from "./find-error-places.ts";
import type { ErrorPlace } from "./find-error-places.ts";
import { nextProblem } from "./next-problem.ts";

const program = createProgram(() => undefined);

/** Where an error that a user of the CLI meets is made. */
const facingPeople = [
  "apps",
  "services/orchestrator",
  "packages/client",
  "packages/agents",
  "packages/providers",
  "packages/policy",
];
const notShipped = /\.test\.ts$|\.contract\.ts$|\.attack\.ts$|\/testing\/|\/scripts\/|\/gen\//u;

/**
 * Codes whose own command says enough: the help of the command, a look at the machine, or nothing to mend.
 * The others depend on the plan, file or rule in question, so each of their places names a command itself.
 */
const enoughByCode = new Set([
  "invalid_input",
  "unauthenticated",
  "forbidden",
  "rate_limited",
  "timeout",
  "cancelled",
  "internal",
  "provider_failed",
  "tool_failed",
]);

function problemsOf({ where, code, next }: ErrorPlace): string[] {
  if (next === undefined) return [];
  if (code === undefined && next.length === 0) return [];
  if (next.length === 0) {
    if (code === undefined || !Object.hasOwn(errorTable, code)) return [`${where}: ${code} has no row`];
    return enoughByCode.has(code) ? [] : [`${where}: ${code} names no next command`];
  }
  return next.flatMap((text) => {
    const problem = nextProblem(text, program);
    return problem === undefined ? [] : [`${where}: ${problem}: ${text}`];
  });
}

const files = execFileSync("git", ["ls-files", "--", ...facingPeople], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file.endsWith(".ts") && !notShipped.test(file));
const places = findErrorPlaces(files);

describe("errors", () => {
  test("of each code name a command that exists, and a fault", () => {
    const rows = Object.entries(errorTable).map(([code, { next, fault }]) => [code, nextProblem(next, program), fault]);
    expect(rows).toEqual(
      Object.keys(errorTable).map((code) => [code, undefined, expect.stringMatching(/^[^.]{8,}$/u)]),
    );
  });

  test("of each place name a command that exists, where the code alone does not tell it", () => {
    expect(places.length).toBeGreaterThan(150);
    expect(places.flatMap(problemsOf)).toEqual([]);
  });

  test("that hand details on are few and known", () => {
    const handedOn = places.filter(({ next }) => next === undefined).map(({ where }) => where.replace(/:\d+$/u, ""));
    expect(handedOn).toEqual(["packages/client/src/create-client.ts"]);
  });
});

const planted = (code: string) => findErrorPlacesIn(code, "planted.ts").flatMap(problemsOf);

test.each([
  ["no next command", 'throw new AgentError("conflict", "No.");', ["planted.ts:1: conflict names no next command"]],
  ["a code that has no row", 'throw new AgentError("odd", "No.");', ["planted.ts:1: odd has no row"]],
  [
    "advice that is no command",
    'throw new AgentError("conflict", "No.", { details: { next: "mend it" } });',
    ["planted.ts:1: it names no command: mend it"],
  ],
  [
    "a command that does not exist",
    "throw new AgentError('conflict', 'No.', { details: { next: `ossaat mend ${id}` } });",
    ["planted.ts:1: there is no command mend: ossaat mend X"],
  ],
  [
    "a flag that does not exist",
    'throw new AgentError("conflict", "No.", { details: { next: "`ossaat show --mend`" } });',
    ["planted.ts:1: ossaat show has no --mend: `ossaat show --mend`"],
  ],
  [
    "bad advice by way of a parameter",
    'function no(next: string) { return new AgentError("conflict", "No.", { details: { next } }); }\nno("think");',
    ["planted.ts:1: it names no command: think"],
  ],
])("a planted error with %s is found", (_what, code, found) => {
  expect(planted(code)).toEqual(found);
});
