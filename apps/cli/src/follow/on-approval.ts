// What a run without a person does when one is needed.
import type { PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { escapeExact } from "../terminal/escape.ts";
import type { Answered } from "./follow-plan.ts";

export type OnApproval = "ask" | "park" | "deny" | "fail";

/** What the settings say; without a word of them `ask` where a person sits, else `park`. */
export function onApprovalOf({ config, output }: CommandContext): OnApproval {
  return config.onApproval ?? (output.isInteractive ? "ask" : "park");
}

export function pendingApprovals(state: PlanState): PlanState["approvals"] {
  return state.approvals.filter(({ status }) => status === "pending");
}

/** Says what a parked plan waits for and which command goes on. */
export function describeParked(state: PlanState): string {
  if (state.status === "awaiting_approval") {
    return `The plan waits for your approval.\nNext: ossaat show ${state.id}\n      ossaat approve ${state.id}`;
  }
  if (state.status === "paused") return `The plan is paused.\nNext: ossaat resume ${state.id}`;
  const lines = pendingApprovals(state).map((approval) =>
    [
      `Waits for you: ${escapeExact(approval.title)}`,
      `Next: ossaat show ${approval.approvalId}`,
      `      ossaat approve ${approval.approvalId}`,
      `      ossaat deny ${approval.approvalId}`,
    ].join("\n"),
  );
  return lines.join("\n");
}

/** Denies every pending question, with a reason the agent can act on. */
async function denyAll(client: Client, state: PlanState): Promise<Answered> {
  if (state.status === "awaiting_approval") {
    await client.decidePlan(state.id, {
      decision: "reject",
      ...(state.planHash === undefined ? {} : { planHash: state.planHash }),
      comment: "--on-approval=deny: nobody is here to approve it",
      means: "flag",
    });
    return "answered";
  }
  const pending = pendingApprovals(state);
  for (const { approvalId, requestHash } of pending) {
    const feedback =
      "Nobody is here to approve this (--on-approval=deny). Find a way inside your envelope, or finish and say what is missing.";
    await client.decideApproval(approvalId, { decision: "deny", requestHash, feedback, means: "flag" });
  }
  return pending.length === 0 ? "leave" : "answered";
}

/** The rule for a parked plan when nobody is asked. */
export async function answerByRule(
  client: Client,
  context: CommandContext,
  { state, rule, onFail }: { state: PlanState; rule: Exclude<OnApproval, "ask">; onFail: () => void },
): Promise<Answered> {
  switch (rule) {
    case "park":
      context.output.note(describeParked(state));
      return "leave";
    case "deny":
      return denyAll(client, state);
    case "fail":
      // Who paused it will go on with it: that is no question.
      if (state.status === "paused") return "leave";
      await client.decidePlan(state.id, { decision: "cancel", reason: "an approval was needed (--on-approval fail)" });
      onFail();
      return "answered";
  }
}
