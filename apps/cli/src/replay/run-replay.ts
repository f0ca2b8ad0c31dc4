// Runs a recorded plan again in a stack of its own: the same base, the same plan, the same turns
// and answers, with tools and checks that really run. The user's repository is only read.
import { AgentError } from "@ossaat/contracts";
import type { Plan, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { pendingApprovals } from "../follow/on-approval.ts";
import { isParked } from "../exit-code.ts";
import { serveReplay } from "../server/serve-replay.ts";
import { planText } from "./compare-runs.ts";
import { createRecordedModels } from "./recorded-models.ts";
import { createQuestionPlaces } from "./recorded-answers.ts";
import type { QuestionPlaces, RecordedAnswers } from "./recorded-answers.ts";
import { withoutReach } from "./recorded-calls.ts";
import { readRecording } from "./recording.ts";
import type { Recording } from "./recording.ts";

export type ReplayOptions = { recording: Recording; notice: string; signal: AbortSignal; onStep: (id: string) => void };

/** A plan as the replay's own plan: all it says stays, but whose it is. */
function adopt(plan: Plan, state: PlanState): Plan {
  const { planHash: _hash, ...content } = plan as Plan & { planHash?: string };
  return { ...content, id: state.id, createdAt: state.plan?.createdAt ?? plan.createdAt } as Plan;
}

async function startPlan(client: Client, { options }: Recording): Promise<string> {
  const { goal, repository, agents, budget, model } = options;
  const created = await client.createPlan({
    goal,
    repository: { path: repository.path, baseRef: repository.baseCommit },
    model: model === null ? "none" : "recorded",
    budget,
    ...(agents === undefined ? {} : { agents }),
  });
  return created.id;
}

/** Approves what the person had approved, even where the planner proposes something else now. */
async function approve(client: Client, { approved, options }: Recording, state: PlanState): Promise<void> {
  if (approved === undefined || state.planHash === undefined) return;
  let { planHash } = state;
  if (planText(approved) !== planText(state.plan)) {
    const edited = await client.editPlan(state.id, { basePlanHash: planHash, plan: adopt(approved, state) });
    planHash = edited.planHash ?? planHash;
  }
  const model = options.model === null ? { model: "recorded" } : {};
  await client.decidePlan(state.id, { decision: "approve", planHash, ...model });
}

const unasked = "The recorded run did not ask this.";

type Answers = { places: QuestionPlaces; left: RecordedAnswers };

/** Gives the answer that was given to the same question; any other is denied. */
async function answer(client: Client, state: PlanState, { places, left }: Answers): Promise<void> {
  for (const { approvalId, requestHash } of pendingApprovals(state)) {
    const key = places.keyOf(approvalId);
    // A question that is ahead of the events read so far is answered when its event comes.
    if (key === undefined) continue;
    const recorded = left.get(key)?.shift();
    if (recorded?.status === "granted") {
      const scope = recorded.scope ?? "once";
      await client.decideApproval(approvalId, { decision: "approve", requestHash, scope });
    } else {
      const feedback = recorded === undefined ? unasked : recorded.feedback;
      const told = feedback === undefined ? {} : { feedback };
      await client.decideApproval(approvalId, { decision: "deny", requestHash, ...told });
    }
  }
}

/** Follows the replay to its end and answers in place of people. */
async function drive(client: Client, planId: string, options: ReplayOptions): Promise<void> {
  const { recording, signal, onStep } = options;
  const left = new Map([...recording.answers].map(([key, answers]) => [key, [...answers]]));
  const places = createQuestionPlaces();
  for await (const item of client.watchPlan(planId, { signal })) {
    if (item.kind !== "state") continue;
    const { event } = item;
    places.see(event);
    if (event.type === "step.started" && event.stepId !== undefined) onStep(event.stepId);
    if (event.type === "plan.recorded") {
      const state = await client.getPlan(planId);
      if (state.status !== "awaiting_approval") continue;
      if (recording.approved === undefined) return;
      await approve(client, recording, state);
    }
    if (event.type === "approval.requested") {
      const state = await client.getPlan(planId);
      if (isParked(state) || pendingApprovals(state).length > 0) await answer(client, state, { places, left });
    }
  }
}

/**
 * Replays a recording and returns what the replay left in turn.
 * @throws AgentError unavailable (no sandbox), invalid_input (the repository or its base is gone)
 */
export async function runReplay(context: CommandContext, options: ReplayOptions): Promise<Recording> {
  const { recording, notice, signal } = options;
  const quiet = () => undefined;
  const server = await serveReplay({
    config: context.config,
    sandbox: recording.options.sandbox === "none" ? "none" : "auto",
    models: createRecordedModels(recording, notice),
    tools: (inner) => withoutReach(inner, recording.steps),
    log: { info: quiet, warn: quiet, error: (_fields, message) => context.output.warn(message) },
  });
  try {
    const { client } = server;
    const planId = await startPlan(client, recording);
    await drive(client, planId, options);
    return await readRecording(client, planId);
  } catch (error) {
    if (signal.aborted) throw new AgentError("cancelled", "The replay was stopped.", { cause: error });
    throw error;
  } finally {
    await server.close();
  }
}
