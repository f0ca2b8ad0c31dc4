// The demo's run: plans the sample's goal and answers what it asks, in place of a person.
import type { LiveEvent, PlanEvent, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { followPlan } from "../follow/follow-plan.ts";
import type { Answered } from "../follow/follow-plan.ts";
import { pendingApprovals } from "../follow/on-approval.ts";
import { renderApprovalCard } from "../terminal/approval-card.ts";
import { renderPlanText } from "../terminal/render-plan.ts";
import { answerSample, denial, sampleRequest } from "./sample-answers.ts";

export type SampleRun = {
  client: Client;
  context: CommandContext;
  /** Path of the sample's repository. */
  sample: string;
  signal: AbortSignal;
  onEvent: (event: PlanEvent | LiveEvent) => void;
};

export function heading({ output, style }: CommandContext, text: string): void {
  output.note(`\n${style.paint("bold", `── ${text}`)}`);
}

/** Shows what is asked, and answers it. */
async function answer({ client, context }: SampleRun, state: PlanState): Promise<Answered> {
  const { output, style } = context;
  const [approval] = pendingApprovals(state);
  if (state.status === "awaiting_approval") {
    heading(context, "The plan, as `ossaat plan` shows it");
    output.print(renderPlanText(state, style));
    heading(context, "Approved by the demo on your behalf (`ossaat approve`)");
  } else if (approval !== undefined) {
    heading(context, "The agent wants something outside its envelope; the run waits, durable");
    output.note(renderApprovalCard(approval, state, style));
    output.note(`Denied by the demo on your behalf, with feedback: “${denial}”`);
  }
  return (await answerSample(client, state)) ? "answered" : "leave";
}

/** Returns the plan's last state. */
export async function runSample(run: SampleRun): Promise<PlanState> {
  const { client, context, sample, signal, onEvent } = run;
  const created = await client.createPlan(sampleRequest(sample));
  return followPlan(client, context, { planId: created.id, signal, onParked: (state) => answer(run, state), onEvent });
}
