// What a model was sent for one turn, part by part and why, from the event log. The same order as
// the orchestrator's: system prompt, first message, digest, then each turn told in full.
import type { PlanEvent, PlanEventOf, Stored } from "@ossaat/contracts";

export type ContextPart = {
  kind: "system" | "context" | "digest" | "answer" | "result" | "guidance";
  title: string;
  why: string;
  /** Turn of the step that the part comes from. */
  turn?: number;
  /** Places of the repository it quotes. */
  sources?: readonly string[];
  /** Absent = the log does not hold it. */
  stored?: Stored;
};

export type TurnContext = {
  stepId: string;
  turn: number;
  model: string;
  parts: ContextPart[];
  /** What the server counted as input; absent = it did not say. */
  inputTokens?: number;
};

function eventsOf<T extends PlanEvent["type"]>(events: readonly PlanEvent[], type: T): PlanEventOf<T>[] {
  return events.filter((event) => event.type === type) as unknown as PlanEventOf<T>[];
}

const turnOfCall = (callId: string) => Number(callId.split(".")[0]);

function agentPart(agent: string): ContextPart {
  return {
    kind: "system",
    title: `system prompt of the agent ${agent}`,
    why: "role, constraints and body of its profile; made again for each request and not kept in the log",
  };
}

type Finished = PlanEventOf<"model.finished">;

function turnParts(events: readonly PlanEvent[], { data }: Finished): ContextPart[] {
  const { turn } = data;
  const answer: ContextPart = {
    kind: "answer",
    turn,
    title: `the model's own answer, ${data.toolCalls} call${data.toolCalls === 1 ? "" : "s"}`,
    why: "what it said before, so that it goes on from there",
    stored: data.message,
  };
  const results = eventsOf(events, "tool.finished")
    .filter((event) => turnOfCall(event.data.callId) === turn)
    .map((event): ContextPart => ({
      kind: "result",
      turn,
      title: `result of ${event.data.tool} (${event.data.state})`,
      why: `the model asked for it by call ${event.data.callId}; a long one is cut to the model's window`,
      stored: event.data.output,
    }));
  const guidance = eventsOf(events, "guidance.added")
    .filter((event) => event.data.afterTurn === turn)
    .map((event): ContextPart => ({
      kind: "guidance",
      turn,
      title: `message of the platform (${event.data.kind})`,
      why: "a check failed, a person answered, or a limit is near",
      stored: { value: event.data.text },
    }));
  return [answer, ...results, ...guidance];
}

function describeTurn(events: readonly PlanEvent[], finished: Finished): TurnContext {
  const { turn, provider, model, usage } = finished.data;
  const before = events.filter(({ seq }) => seq < finished.seq);
  const context = eventsOf(before, "context.assembled").at(-1);
  const compaction = eventsOf(before, "context.compacted").at(-1);
  const through = compaction?.data.throughTurn ?? 0;
  const told = eventsOf(before, "model.finished").filter(({ data }) => data.turn > through && data.turn < turn);
  const first: ContextPart[] =
    context === undefined
      ? []
      : [
          {
            kind: "context",
            title: "goal, plan, envelope, results of earlier steps, code found for the step",
            why: "the bounded start of every step; the code is what the index found for goal, title and files",
            sources: context.data.sources,
            stored: context.data.message,
          },
        ];
  const digest: ContextPart[] =
    compaction === undefined
      ? []
      : [
          {
            kind: "digest",
            title: `digest of turns 1 to ${through}`,
            why:
              compaction.data.cause === "window"
                ? "the model's window was nearly full"
                : "the model refused the request as too long",
            stored: compaction.data.digest,
          },
        ];
  return {
    stepId: finished.stepId ?? "",
    turn,
    model: `${provider}/${model}`,
    parts: [
      agentPart(context?.data.agent ?? "of the step"),
      ...first,
      ...digest,
      ...told.flatMap((event) => turnParts(before, event)),
    ],
    ...(usage.inputTokens === undefined ? {} : { inputTokens: usage.inputTokens }),
  };
}

/** Every turn that a model answered, in order; of one step when it is named. */
export function describeTurns(events: readonly PlanEvent[], stepId?: string): TurnContext[] {
  const steps = new Map<string, PlanEvent[]>();
  for (const event of events) {
    if (event.stepId === undefined || (stepId !== undefined && event.stepId !== stepId)) continue;
    steps.set(event.stepId, [...(steps.get(event.stepId) ?? []), event]);
  }
  return [...steps.values()].flatMap((own) => eventsOf(own, "model.finished").map((event) => describeTurn(own, event)));
}
