// Follows a plan to its end with whoever answers questions, and reports how it ended.
import { exitCodes } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { exitCodeOf } from "../exit-code.ts";
import { renderEnd } from "../terminal/render-end.ts";
import { askPerson } from "./ask-person.ts";
import { cancelOnInterrupt } from "./cancel-on-interrupt.ts";
import { followPlan } from "./follow-plan.ts";
import { answerByRule } from "./on-approval.ts";
import type { OnApproval } from "./on-approval.ts";
import { withInterrupt } from "./with-interrupt.ts";

export type WatchOptions = {
  planId: string;
  rule: OnApproval;
  /** Model to approve with, when a person approves a plan made without one. */
  model?: string | undefined;
};

/** Returns the exit code. */
export async function watchRun(client: Client, context: CommandContext, options: WatchOptions): Promise<number> {
  const { planId, rule, model } = options;
  const { output } = context;
  let hasFailed = false;
  const state = await withInterrupt(
    context,
    (signal) =>
      followPlan(client, context, {
        planId,
        signal,
        onParked: (parked, withdrawn) =>
          rule === "ask"
            ? askPerson({ client, context, model, withdrawn }, parked)
            : answerByRule(client, context, { state: parked, rule, onFail: () => (hasFailed = true) }),
        ...(output.format === "ndjson" ? { onEvent: (event) => output.json(event) } : {}),
      }),
    cancelOnInterrupt(client, context, () => planId),
  );
  // Cancelled because a person was needed: that is a failure, not an interruption.
  return reportEnd(context, state, hasFailed ? exitCodes.runFailed : exitCodeOf(state));
}

/** Prints the end of a watched run in the format asked for. @returns the exit code, as it is printed */
export function reportEnd(context: CommandContext, state: PlanState, exitCode = exitCodeOf(state)): number {
  const { output, style } = context;
  if (output.format === "json") output.json({ schemaVersion: 1, exitCode, plan: state });
  if (output.format === "text") output.print(renderEnd(state, style));
  return exitCode;
}
