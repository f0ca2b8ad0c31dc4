// I1: that a step counts as poison must be shown by its log.
import type { PlanEvent } from "@ossaat/contracts";

/** Losses of a step, one after the other without progress, that a worker has to survive. */
const allowedLosses = 3;

/** Events that show a step got further. */
const progress: ReadonlySet<PlanEvent["type"]> = new Set<PlanEvent["type"]>([
  "workspace.opened",
  "context.assembled",
  "context.compacted",
  "model.finished",
  "tool.finished",
  "guidance.added",
  "merge.conflicted",
  "merge.finished",
]);

/** How often in a row the step was lost before `end`. */
function lossesBefore(events: readonly PlanEvent[], end: PlanEvent): number {
  const own = events.filter(({ stepId, seq }) => stepId === end.stepId && seq < end.seq);
  const last = own.findLastIndex(({ type }) => progress.has(type));
  return own.slice(last + 1).filter(({ type }) => type === "step.lost").length;
}

function poisonEnds(events: readonly PlanEvent[]): PlanEvent[] {
  return events.filter((event) => event.type === "step.finished" && event.data.reason === "poison");
}

/** Steps that were given up as poison although they were not lost more often than they may be. */
export function findUnprovenPoison(events: readonly PlanEvent[]): string[] {
  return poisonEnds(events).flatMap((end) => {
    const losses = lossesBefore(events, end);
    return losses > allowedLosses ? [] : [`${end.stepId ?? ""} counts as poison after ${losses} losses in a row`];
  });
}

/** Whether a step of the plan was lost so often that it had to be given up. */
export function hasProvenPoison(events: readonly PlanEvent[]): boolean {
  return poisonEnds(events).some((end) => lossesBefore(events, end) > allowedLosses);
}
