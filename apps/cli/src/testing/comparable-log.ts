// Event logs of one plan that ran twice, without what is new in every run: ids, times, hashes, who
// did it, and, for a run that was interrupted, the traces of the interruptions.
import type { PlanEvent } from "@ossaat/contracts";

/** Keys whose values are measured, not decided. */
const measured = new Set([
  "worker",
  "fence",
  "seconds",
  "durationMs",
  "tookMs",
  // The output holds times.
  "logBytes",
  "startedAt",
  "finishedAt",
  "expiresAt",
]);

function scrub(text: string, folder: string): string {
  return text
    .replaceAll(folder, "<folder>")
    .replaceAll(/plan-[\da-f-]{36}/gu, "<plan>")
    .replaceAll(/approval-[\da-f]{16}/gu, "<approval>")
    .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/gu, "<id>")
    .replaceAll(/\b[\da-f]{64}\b|\b[\da-f]{40}\b/gu, "<hash>")
    .replaceAll(/after [\d.]+ m?s\b/gu, "after <time>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/gu, "<time>");
}

/** Written beside the course of the plan: whether before or after what a person does next is chance. */
const isBeside = ({ type }: PlanEvent) => type === "plan.recorded";

/** One line an event. */
export function comparableLog(events: readonly PlanEvent[], folder: string): string[] {
  return events
    .filter((event) => !isBeside(event))
    .map(({ type, stepId, data }) => {
      const text = JSON.stringify(data, (key, value: unknown) => (measured.has(key) ? undefined : value));
      return scrub(`${stepId ?? "plan"} ${type} ${text}`, folder);
    });
}

/** What an interruption adds, or lets happen again: it says who worked when, not what came of it. */
const ofInterruptions = new Set([
  "step.readied",
  "step.started",
  "step.lost",
  "step.released",
  "budget.reserved",
  "model.failed",
  "workspace.opened",
  "tool.started",
]);

/** What a step sees of others that run at the same time: how far they are, and what they have cost. */
function withoutOthers(line: string): string {
  return line
    .replaceAll(/cost_usd(\\*"):(?:[\d.e-]+|null)/gu, "cost_usd$1:<spent>")
    .replaceAll(/, (?:ready|running|blocked|backoff|succeeded)\)/gu, ", <status>)");
}

/** Lines by step, in order: steps that do not need each other end in any order. */
export function comparableOutcome(events: readonly PlanEvent[], folder: string): Record<string, string[]> {
  const decided = events.filter(({ type }) => !ofInterruptions.has(type));
  const steps = [...new Set(decided.map(({ stepId }) => stepId ?? "plan"))].sort();
  const linesOf = (step: string) =>
    comparableLog(
      decided.filter(({ stepId }) => (stepId ?? "plan") === step),
      folder,
    ).map(withoutOthers);
  return Object.fromEntries(steps.map((step) => [step, [...new Set(linesOf(step))]]));
}
