// What Ctrl+C says and does while a plan is watched: the first one names the plan and the commands
// that go on with it, the second one cancels it.
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import type { InterruptOptions } from "./with-interrupt.ts";

/** @param planId the plan, undefined while there is none yet */
export function cancelOnInterrupt(
  client: Client,
  context: CommandContext,
  planId: () => string | undefined,
): Required<InterruptOptions> {
  return {
    hint: () => {
      const id = planId();
      if (id === undefined) return "Stopped before there was a plan; `ossaat runs` lists one that came all the same.";
      return `Press Ctrl+C again to cancel the plan. Otherwise it goes on:\n  ossaat watch ${id}\n  ossaat cancel ${id}`;
    },
    onSecond: async () => {
      const id = planId();
      if (id === undefined) return;
      await client.decidePlan(id, { decision: "cancel", reason: "Ctrl+C" });
      context.output.warn(`Cancelled. What was done is kept:\n  ossaat show ${id}\n  ossaat retry ${id}`);
    },
  };
}
