// What a run left in its event log, in the form a replay needs: the model's turns, the answers of
// people, and what the platform did with them.
import { AgentError, isPlanningStepId } from "@ossaat/contracts";
import type { EventData, Plan, PlanEvent, PlanEventOf, ToolOutput, TurnUsage } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";
import type { AssistantMessage } from "@ossaat/providers";

import { addAnswer, createQuestionPlaces, subjectOf } from "./recorded-answers.ts";
import type { RecordedAnswers } from "./recorded-answers.ts";
import { notRepeated } from "./recorded-calls.ts";
import type { RecordedCall } from "./recorded-calls.ts";

export type RecordedTurn = {
  turn: number;
  /** Model that answered. */
  model: string;
  message: AssistantMessage;
  usage: TurnUsage;
  costUsd: number | null;
  finishReason: string;
};

/** A request for a turn that broke. */
export type RecordedFailure = {
  turn: number;
  error: { code: string; message: string };
  usage?: TurnUsage | undefined;
  costUsd?: number | null | undefined;
  /** What the vendor may have worked for; absent = it turned the request away. */
  tokens?: number | undefined;
  /** The next thing the platform did was to shorten the conversation. */
  isTooLong: boolean;
};

/** One thing the platform did in a step, comparable between two runs. */
export type Move = {
  /** `turn 3`, `call 3.1 edit_file`, `check.1 run_tests`, `end`. */
  at: string;
  /** What happened there, without times, ids and texts of commands. */
  what: string;
};

export type StepRecording = {
  id: string;
  turns: RecordedTurn[];
  /** In the order they happened, over all attempts. */
  failures: RecordedFailure[];
  moves: Move[];
  /** Calls that began, by id. */
  calls: Map<string, RecordedCall>;
  /** A retry took the result over from the plan before it. */
  isCarried: boolean;
};

export type Recording = {
  planId: string;
  options: EventData<"plan.created">;
  /** The first proposal of the planner. */
  proposed?: Plan | undefined;
  /** The revision that a person approved last. */
  approved?: Plan | undefined;
  steps: Map<string, StepRecording>;
  answers: RecordedAnswers;
  end?: EventData<"plan.finished"> | undefined;
};

async function readAll(client: Client, planId: string): Promise<PlanEvent[]> {
  const events: PlanEvent[] = [];
  for (;;) {
    const page = await client.listEvents(planId, events.at(-1)?.seq ?? 0);
    if (page.length === 0) return events;
    events.push(...page);
  }
}

function stepOf(recording: Recording, id: string): StepRecording {
  const known = recording.steps.get(id);
  if (known !== undefined) return known;
  const step: StepRecording = { id, turns: [], failures: [], moves: [], calls: new Map(), isCarried: false };
  recording.steps.set(id, step);
  return step;
}

function callMove({ callId, tool, state, exitCode, snapshot, summary }: EventData<"tool.finished">): Move {
  if (summary === notRepeated) return { at: `${callId} ${tool}`, what: notRepeated };
  const exit = exitCode === undefined ? "" : `, exit ${exitCode ?? "by signal"}`;
  const tree = snapshot === undefined ? "" : `, tree ${snapshot.slice(0, 12)}`;
  return { at: `${callId} ${tool}`, what: `${state}${exit}${tree}` };
}

function endMove({ status, reason }: EventData<"step.finished">): Move {
  return { at: "end", what: reason === undefined ? status : `${status} (${reason})` };
}

function questionMove({ request }: EventData<"approval.requested">): Move {
  return { at: "question", what: `${request.title}, subject ${subjectOf(request).slice(0, 12)}` };
}

type StepEvent = PlanEvent & { stepId: string };

function addResult(client: Client, { calls }: StepRecording, { planId, data }: PlanEventOf<"tool.finished">): void {
  const started = calls.get(data.callId);
  if (started === undefined) return;
  const readOutput = async () => (await client.loadStored(planId, data.output)) as ToolOutput;
  calls.set(data.callId, { ...started, finished: data, readOutput });
}

async function addStepEvent(client: Client, recording: Recording, event: StepEvent): Promise<void> {
  const step = stepOf(recording, event.stepId);
  switch (event.type) {
    case "model.finished": {
      const message = (await client.loadStored(event.planId, event.data.message)) as AssistantMessage;
      const { turn, model, usage, costUsd, finishReason, toolCalls } = event.data;
      step.turns.push({ turn, model, message, usage, costUsd, finishReason });
      step.moves.push({ at: `turn ${turn}`, what: `${finishReason}, ${toolCalls} calls` });
      return;
    }
    case "tool.started": {
      const { callId, argsHash } = event.data;
      step.calls.set(callId, { argsHash, readOutput: () => Promise.reject(new Error("the call has no end")) });
      return;
    }
    case "model.failed": {
      const { turn, error, usage, costUsd, tokens } = event.data;
      step.failures.push({ turn, error, usage, costUsd, tokens, isTooLong: false });
      step.moves.push({ at: `turn ${turn}`, what: `the request failed: ${error.code}` });
      return;
    }
    case "context.compacted": {
      const failure = step.failures.at(-1);
      if (failure !== undefined && step.moves.at(-1)?.what.startsWith("the request failed") === true) {
        failure.isTooLong = true;
      }
      return;
    }
    case "tool.finished":
      step.moves.push(callMove(event.data));
      addResult(client, step, event);
      return;
    case "guidance.added":
      step.moves.push({ at: `after turn ${event.data.afterTurn}`, what: `told: ${event.data.kind}` });
      return;
    case "merge.conflicted":
      step.moves.push({ at: "merge", what: `conflict in ${event.data.files.join(", ")}` });
      return;
    case "approval.requested":
      step.moves.push(questionMove(event.data));
      return;
    case "step.finished":
      step.isCarried = event.data.carried === true;
      step.moves.push(endMove(event.data));
      return;
    default:
      return;
  }
}

function addPlanEvent(recording: Recording, event: PlanEvent, proposals: PlanEventOf<"plan.proposed">[]): void {
  if (event.type === "plan.proposed") {
    proposals.push(event);
    if (event.data.origin === "planner") recording.proposed ??= event.data.plan;
  }
  if (event.type === "plan.approved") {
    const { planHash } = event.data;
    recording.approved = proposals.findLast(({ data }) => data.planHash === planHash)?.data.plan;
  }
  if (event.type === "plan.finished") recording.end = event.data;
}

/** Reads the whole log of a plan, with the values that are kept beside it. @throws AgentError not_found */
export async function readRecording(client: Client, planId: string): Promise<Recording> {
  const events = await readAll(client, planId);
  const created = events.find((event) => event.type === "plan.created");
  if (created === undefined) throw new Error("a plan's log begins with plan.created");
  const recording: Recording = { planId, options: created.data, steps: new Map(), answers: new Map() };
  const proposals: PlanEventOf<"plan.proposed">[] = [];
  const places = createQuestionPlaces();
  for (const event of events) {
    addPlanEvent(recording, event, proposals);
    places.see(event);
    if (event.type === "approval.decided") {
      addAnswer(recording.answers, places.keyOf(event.data.approvalId) ?? "", event.data);
    }
    const { stepId } = event;
    if (stepId !== undefined) await addStepEvent(client, recording, { ...event, stepId });
  }
  return recording;
}

/** Retries of retries that one replay runs again: each costs as much as the run it repeats. */
const maxChain = 20;

/** A plan and the plans it is a retry of, the first one first. @throws AgentError not_found, limit_exceeded */
export async function readChain(client: Client, planId: string): Promise<Recording[]> {
  const chain: Recording[] = [];
  for (let at: string | undefined = planId; at !== undefined; at = chain[0]?.options.retryOf) {
    if (chain.length >= maxChain) {
      throw new AgentError("limit_exceeded", `${planId} is the end of more than ${maxChain} retries.`, {
        details: { next: `ossaat replay ${at}` },
      });
    }
    chain.unshift(await readRecording(client, at));
  }
  return chain;
}

/** Planning rounds first, then the plan's steps, each in the order they began. */
export function comparedSteps({ steps }: Recording): StepRecording[] {
  const all = [...steps.values()];
  return [...all.filter(({ id }) => isPlanningStepId(id)), ...all.filter(({ id }) => !id.startsWith("plan."))];
}
