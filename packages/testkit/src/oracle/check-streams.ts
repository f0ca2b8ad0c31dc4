// I10 and I11: what readers of the stream saw, and how soon an interrupted step went on.
import { isDeepStrictEqual } from "node:util";

import type { PlanEvent } from "@ossaat/contracts";

/** The state events that one reader got, in the order they arrived, over all its connections. */
export type StreamCapture = { reader: string; events: readonly PlanEvent[] };

/** I10: each reader saw the log from its begin, nothing missing, nothing twice, nothing else. */
export function findStreamProblems(events: readonly PlanEvent[], captures: readonly StreamCapture[]): string[] {
  return captures.flatMap(({ reader, events: seen }) => {
    const at = seen.findIndex((event, index) => !isDeepStrictEqual(event, events[index]));
    if (at < 0) return [];
    const expected = events[at]?.seq ?? "nothing";
    return [`${reader} saw event ${seen[at]?.seq ?? 0} where the log has ${expected}`];
  });
}

/** A time in which no server ran, in milliseconds since the epoch. */
export type Downtime = { from: number; until: number };

export const recoveryLimits = {
  /** Lease (30 s) + one sweep (0.5 s) + 1 s: a step that nobody holds is taken within this, ms. */
  boundMs: 31_500,
  /** Longest pause that repeated losses of one step may add before it counts as poison, ms. */
  backoffMs: 4_000,
} as const;

function overlap(from: number, until: number, downtimes: readonly Downtime[]): number {
  return downtimes.reduce((sum, down) => sum + Math.max(0, Math.min(until, down.until) - Math.max(from, down.from)), 0);
}

/** I11: what a dead worker held starts again, or ends, within the bound; time without a server does not count. */
export function findLateRecoveries(events: readonly PlanEvent[], downtimes: readonly Downtime[]): string[] {
  const isHeld = (event: PlanEvent) => event.type === "plan.paused" || event.type === "approval.requested";
  return events.flatMap((lost, index) => {
    if (lost.type !== "step.lost") return [];
    const after = events.slice(index + 1);
    const next = after.find(
      (event) => event.stepId === lost.stepId && (event.type === "step.started" || event.type === "step.finished"),
    );
    const until = next ?? events.at(-1)!;
    if (after.slice(0, after.indexOf(until)).some(isHeld)) return [];
    const from = Date.parse(lost.at);
    const to = Date.parse(until.at);
    const ms = to - from - overlap(from, to, downtimes);
    const bound = recoveryLimits.boundMs + recoveryLimits.backoffMs;
    return ms <= bound ? [] : [`${lost.stepId ?? ""} was lost and went on only after ${ms} ms`];
  });
}
