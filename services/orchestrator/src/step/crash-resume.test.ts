import { afterAll, beforeAll, expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { crashFiles, crashRun } from "../testing/crash-run.ts";
import type { CrashResult } from "../testing/crash-run.ts";
import type { Death } from "../testing/mortal.ts";

let stack: AgentStack;
let undisturbed: CrashResult;
beforeAll(async () => {
  stack = await openAgentStack({ files: crashFiles });
  ({ result: undisturbed } = await crashRun(stack, []));
});
afterAll(() => stack.remove());

test("undisturbed, every turn is asked for once", () => {
  const turns = [1, 2, 3].flatMap((turn) => [`a.${turn} started`, `a.${turn} delivered`]);
  const calls = ["1.0", "2.0", "2.1", "3.0", "check.1"].map((id) => `${id} completed`);
  expect(undisturbed).toMatchObject({
    calls,
    status: "succeeded",
    steps: ["a succeeded"],
    requests: turns,
    problems: [],
  });
});

/** A server that dies again and again, a few commits after each start. */
function* everyFewCommits(first: number): Generator<Death> {
  for (let afterCommits = first; ; afterCommits = 6) {
    yield { afterCommits, when: "at once" };
    yield { afterCommits: 6, when: "at the next commit" };
  }
}

test("killed every few commits, it buys no turn twice and ends with the same result", async () => {
  const { result, kills } = await crashRun(stack, everyFewCommits(3));
  expect(result).toEqual(undisturbed);
  expect(kills).toBeGreaterThan(3);
}, 30_000);
