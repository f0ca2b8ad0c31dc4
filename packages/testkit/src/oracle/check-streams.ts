// I10 and I11: what readers of the stream saw, and how soon an interrupted step went on.
import { isDeepStrictEqual } from "node:util";

import type { PlanEvent } from "@ossaat/contracts";

/** The state events that one reader got, in the order they arrived, over all its connections. */
export type StreamCapture = { reader: string; events: readonly PlanEvent[] };

/** I10: each reader saw the whole log in its order, nothing missing, nothing twice, nothing else. */
export function findStreamProblems(events: readonly PlanEvent[], captures: readonly StreamCapture[]): string[] {
  return captures.flatMap(({ reader, events: seen }) => {
    const at = seen.findIndex((event, index) => !isDeepStrictEqual(event, events[index]));
    if (at < 0) {
      return seen.length === events.length ? [] : [`${reader} saw ${seen.length} of ${events.length} events`];
    }
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
  /** How long a worker that lives may have nothing to write, ms: more than any call of these runs takes. */
  quietMs: 10_000,
} as const;

function overlap(from: number, until: number, downtimes: readonly Downtime[]): number {
  return downtimes.reduce((sum, down) => sum + Math.max(0, Math.min(until, down.until) - Math.max(from, down.from)), 0);
}

/** When the worker of a lost step was last known to live, ms since the epoch. */
function lastSign(events: readonly PlanEvent[], index: number, downtimes: readonly Downtime[]): number {
  const lost = events[index]!;
  const before = events
    .slice(0, index)
    .findLast(({ stepId, attempt }) => stepId === lost.stepId && attempt === lost.attempt);
  const deaths = downtimes.map(({ from }) => from).filter((from) => from <= Date.parse(lost.at));
  return Math.max(Date.parse((before ?? lost).at), ...deaths);
}

/** I11: that a worker is dead is noticed within the bound; time without a server does not count. */
export function findLateNotices(events: readonly PlanEvent[], downtimes: readonly Downtime[]): string[] {
  return events.flatMap((lost, index) => {
    if (lost.type !== "step.lost") return [];
    const from = lastSign(events, index, downtimes);
    const to = Date.parse(lost.at);
    const ms = to - from - overlap(from, to, downtimes);
    const bound = recoveryLimits.boundMs + recoveryLimits.quietMs;
    return ms <= bound ? [] : [`${lost.stepId ?? ""} counted as lost only ${ms} ms after its worker's last sign`];
  });
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
