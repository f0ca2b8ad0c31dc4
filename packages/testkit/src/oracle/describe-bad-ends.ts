// Why a plan did not succeed, in words for whoever reads a failed run.
import type { PlanEvent } from "@ossaat/contracts";

/** What happened to the attempts of a step, in order. */
function historyOf(events: readonly PlanEvent[], stepId: string | undefined): string[] {
  return events.flatMap((event) => {
    if (event.stepId !== stepId) return [];
    const attempt = `attempt ${event.attempt ?? 0}`;
    if (event.type === "step.lost") return [`${attempt} lost by ${event.data.worker} (${event.data.lostCount})`];
    if (event.type === "step.backed_off") return [`${attempt} failed: ${event.data.error.message}`];
    return [];
  });
}

/** Ends that are of other steps, or of another revision. */
const innocent: ReadonlySet<string> = new Set(["upstream", "replanned"]);

/** One line for each step that ended without success by itself: its reason, and what came before. */
export function describeBadEnds(events: readonly PlanEvent[]): string[] {
  return events.flatMap((event, index) => {
    if (event.type !== "step.finished" || event.data.status === "succeeded") return [];
    const { status, reason = "no reason", message = "" } = event.data;
    if (innocent.has(reason)) return [];
    const before = historyOf(events.slice(0, index), event.stepId).map((line) => `; ${line}`);
    return [`${event.stepId ?? "a step"} ${status}, ${reason}: ${message}${before.join("")}`];
  });
}
