// Runs a recorded plan again in a stack of its own: the same base, the same plan, the same turns
// and answers, with tools and checks that really run. The user's repository is only read.
import { AgentError, isTerminalPlan, topologicalOrder } from "@ossaat/contracts";
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

export type ReplayOptions = {
  /** The plan and those it is a retry of, the first one first. */
  chain: readonly Recording[];
  notice: string;
  signal: AbortSignal;
  onStep: (id: string) => void;
};

type Driving = Pick<ReplayOptions, "signal" | "onStep"> & { recording: Recording };

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
    const means = recorded?.means === undefined ? {} : { means: recorded.means };
    if (recorded?.status === "granted") {
      const scope = recorded.scope ?? "once";
      await client.decideApproval(approvalId, { decision: "approve", requestHash, scope, ...means });
    } else {
      const feedback = recorded === undefined ? unasked : recorded.feedback;
      const told = feedback === undefined ? {} : { feedback };
      await client.decideApproval(approvalId, { decision: "deny", requestHash, ...told, ...means });
    }
  }
}

/** Follows the replay to its end and answers in place of people. */
async function drive(client: Client, planId: string, options: Driving): Promise<void> {
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

/** The step that a retry began again from, though it had succeeded; undefined = only what had not. */
function fromStepOf(before: Recording, after: Recording): string | undefined {
  const isAgain = (id: string) => {
    const step = before.steps.get(id);
    return step?.moves.at(-1)?.what === "succeeded" && after.steps.get(id)?.isCarried !== true;
  };
  const plan = before.approved;
  return plan === undefined ? undefined : topologicalOrder(plan.steps).order.find(isAgain);
}

/** Ends what a person left open, so that it can be retried as it was. */
async function settlePlan(client: Client, planId: string): Promise<void> {
  const state = await client.getPlan(planId);
  if (!isTerminalPlan(state.status)) await client.decidePlan(planId, { decision: "cancel" });
}

type Link = { before: Recording; planId: string };

/** Starts the next plan of the chain; undefined when the one before ended otherwise and cannot be retried. */
async function startNext(client: Client, recording: Recording, last: Link | undefined): Promise<string | undefined> {
  if (last === undefined) return startPlan(client, recording);
  await settlePlan(client, last.planId);
  const fromStep = fromStepOf(last.before, recording);
  const { budget } = recording.options;
  try {
    const retried = await client.retryPlan(last.planId, { budget, ...(fromStep === undefined ? {} : { fromStep }) });
    return retried.id;
  } catch (error) {
    if (error instanceof AgentError && (error.code === "conflict" || error.code === "invalid_input")) return undefined;
    throw error;
  }
}

/** Runs the chain, one plan after the other. */
async function runChain(
  client: Client,
  options: ReplayOptions,
  show: (recording: Recording) => void,
): Promise<Recording[]> {
  const replayed: Recording[] = [];
  let last: Link | undefined;
  for (const recording of options.chain) {
    show(recording);
    const planId = await startNext(client, recording, last);
    if (planId === undefined) break;
    await drive(client, planId, { ...options, recording });
    replayed.push(await readRecording(client, planId));
    last = { before: recording, planId };
  }
  return replayed;
}

/**
 * Replays recordings and returns what the replay left of each, in their order; fewer when one could not begin.
 * @throws AgentError unavailable (no sandbox), invalid_input (the repository or its base is gone)
 */
export async function runReplay(context: CommandContext, options: ReplayOptions): Promise<Recording[]> {
  const { chain, notice, signal } = options;
  const [first] = chain;
  if (first === undefined) return [];
  let current = first;
  const quiet = () => undefined;
  const server = await serveReplay({
    config: context.config,
    sandbox: first.options.sandbox === "none" ? "none" : "auto",
    models: createRecordedModels(() => current, notice),
    tools: (inner) => withoutReach(inner, () => current.steps),
    log: { info: quiet, warn: quiet, error: (_fields, message) => context.output.warn(message) },
  });
  try {
    return await runChain(server.client, options, (recording) => {
      current = recording;
    });
  } catch (error) {
    if (signal.aborted) throw new AgentError("cancelled", "The replay was stopped.", { cause: error });
    throw error;
  } finally {
    await server.close();
  }
}
