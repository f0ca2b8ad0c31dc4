// I5: what happened outside the database, by the log that the effects themselves write and by the
// requests a model got, against what the event log says.
import type { PlanEvent, SealedPlan } from "@ossaat/contracts";

/** One line of the effect log: appended and synced by the tool itself, at the moment of its effect. */
export type EffectLine = { planId: string; stepId: string; callId: string };

/** One line of the model's request log. */
export type RequestLine = {
  event: "request.started" | "request.delivered";
  planId: string;
  stepId: string;
  turn: number;
};

function effectClasses(events: readonly PlanEvent[]): Map<string, string> {
  const classes = new Map<string, string>();
  for (const event of events) {
    if (event.type !== "plan.proposed") continue;
    for (const step of (event.data.plan as SealedPlan).steps) classes.set(step.id, step.envelope.effect);
  }
  return classes;
}

type Told = { started: number; completed: number; repeatsAllowed: number };

/** What the log tells of one call: how often it began, that it ended, and how often a person let it be repeated. */
function toldOf(events: readonly PlanEvent[], { stepId, callId }: Pick<EffectLine, "stepId" | "callId">): Told {
  const reconciles = new Set<string>();
  const told: Told = { started: 0, completed: 0, repeatsAllowed: 0 };
  for (const event of events) {
    if (event.stepId !== stepId) continue;
    if (event.type === "tool.started" && event.data.callId === callId) told.started += 1;
    if (event.type === "tool.finished" && event.data.callId === callId && event.data.state === "completed")
      told.completed += 1;
    if (event.type === "approval.requested" && event.data.request.kind === "reconcile")
      reconciles.add(event.data.request.approvalId);
    if (event.type === "approval.decided" && event.data.status === "granted" && reconciles.has(event.data.approvalId))
      told.repeatsAllowed += 1;
  }
  return told;
}

/** Calls that were cut and recorded as if that were their result: whether they took effect, nobody knows. */
function findCutCalls(events: readonly PlanEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type !== "tool.finished" || event.data.state !== "cancelled") return [];
    const { stepId = "", data } = event;
    if (toldOf(events, { stepId, callId: data.callId }).started === 0) return [];
    return [`call ${data.callId} of ${stepId} began and is said to have been cancelled`];
  });
}

/** Effects of one plan against its log; `isEffect` names the calls that write to the effect log. */
export function findEffectProblems(
  events: readonly PlanEvent[],
  effects: readonly EffectLine[],
  isEffect: (stepId: string, callId: string) => boolean,
): string[] {
  const classes = effectClasses(events);
  const counts = new Map<string, number>();
  for (const { stepId, callId } of effects) {
    counts.set(`${stepId} ${callId}`, (counts.get(`${stepId} ${callId}`) ?? 0) + 1);
  }
  for (const event of events) {
    // A command that was killed may have done nothing.
    if (event.type !== "tool.finished" || event.data.state !== "completed" || event.data.exitCode === null) continue;
    const { stepId = "" } = event;
    const key = `${stepId} ${event.data.callId}`;
    if (isEffect(stepId, event.data.callId)) counts.set(key, counts.get(key) ?? 0);
  }
  const problems = [...counts].flatMap(([key, count]) => {
    const [stepId = "", callId = ""] = key.split(" ");
    return callProblems({ stepId, callId, count, effect: classes.get(stepId) }, toldOf(events, { stepId, callId }));
  });
  return [...problems, ...findCutCalls(events)];
}

type Counted = { stepId: string; callId: string; count: number; effect: string | undefined };

function callProblems({ stepId, callId, count, effect }: Counted, told: Told): string[] {
  const call = `call ${callId} of ${stepId}`;
  return [
    ...(count > told.started ? [`${call} took effect ${count} times but began ${told.started} times`] : []),
    ...(effect === "once" && count > 1 + told.repeatsAllowed
      ? [`${call} may take effect once and did ${count} times, ${told.repeatsAllowed} of them allowed again`]
      : []),
    ...(told.completed > 1 ? [`${call} is said to have completed ${told.completed} times`] : []),
    ...(told.completed > 0 && count === 0 ? [`${call} is said to have completed but took no effect`] : []),
  ];
}

/** A turn that was delivered to its end is never asked for again. */
export function findRepeatedTurns(requests: readonly RequestLine[]): string[] {
  const delivered = new Set<string>();
  const again = new Set<string>();
  for (const { event, stepId, turn } of requests) {
    const key = `turn ${turn} of ${stepId}`;
    if (event === "request.delivered") delivered.add(key);
    else if (delivered.has(key)) again.add(key);
  }
  return [...again].map((key) => `${key} was delivered and then asked for again`);
}
