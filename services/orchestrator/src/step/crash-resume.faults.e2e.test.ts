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

const wheres: Death["when"][] = ["at once", "at the next commit"];

test.each(wheres)(
  "killed after any one commit (%s), the result is the same and no turn is bought twice",
  async (when) => {
    let kills = 1;
    let afterCommits = 0;
    for (; kills > 0; afterCommits += 1) {
      const run = await crashRun(stack, [{ afterCommits, when }]);
      expect({ afterCommits, ...run.result }).toEqual({ afterCommits, ...undisturbed });
      kills = run.kills;
    }
    expect(afterCommits).toBeGreaterThan(15);
  },
);
