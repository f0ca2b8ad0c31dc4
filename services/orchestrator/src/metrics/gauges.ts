// The figures of this moment as gauges. Names and meanings stand in docs/architecture/metrics.md.
import type { GaugeReading } from "@ossaat/telemetry";

import type { QueueAnswer } from "../job/ask-queue.ts";
import type { Backlog } from "./read-backlog.ts";

type Values = GaugeReading["values"];

const byPool = <T extends { pool: string }>(rows: readonly T[], of: (row: T) => number | null): Values =>
  rows.flatMap((row) => {
    const value = of(row);
    return value === null ? [] : [{ labels: { pool: row.pool }, value }];
  });

/** Without a backlog there is no series but the one that says so: an old figure would be a wrong one. */
export function backlogGauges(backlog: Backlog | undefined): GaugeReading[] {
  const up: GaugeReading = {
    name: "ossaat_store_up",
    help: "1 when the database answered in time",
    values: [{ value: backlog === undefined ? 0 : 1 }],
  };
  if (backlog === undefined) return [up];
  const { pools, held, approvals } = backlog;
  const lags = pools.map(({ outbox }) => outbox.oldestSeconds ?? 0);
  return [
    up,
    {
      name: "ossaat_jobs_ready",
      help: "Steps that may start, of the database: take max, not sum",
      values: byPool(pools, ({ ready }) => ready.count),
    },
    {
      name: "ossaat_oldest_ready_seconds",
      help: "Age of the oldest step that may start, of the database: take max, not sum",
      values: byPool(pools, ({ ready }) => ready.oldestSeconds ?? 0),
    },
    {
      name: "ossaat_jobs_running",
      help: "Steps under a lease, of the database: take max, not sum",
      values: byPool(pools, ({ running }) => running),
    },
    {
      name: "ossaat_jobs_backoff",
      help: "Steps that wait for their next attempt, of the database: take max, not sum",
      values: byPool(pools, ({ backoff }) => backoff),
    },
    {
      name: "ossaat_jobs_needs_reconcile",
      help: "Steps whose effect nobody knows of, of the database: take max, not sum",
      values: byPool(pools, ({ needsReconcile }) => needsReconcile),
    },
    {
      name: "ossaat_outbox_messages",
      help: "Messages not handed over yet, of the database: take max, not sum",
      values: byPool(pools, ({ outbox }) => outbox.count),
    },
    {
      name: "ossaat_outbox_lag_seconds",
      help: "Age of the oldest message not handed over, of the database: take max, not sum",
      values: [{ value: Math.max(0, ...lags) }],
    },
    {
      name: "ossaat_jobs_held",
      help: "Steps that wait for room under a cap, of the database: take max, not sum",
      values: held.map(({ cap, waiting }) => ({ labels: { cap }, value: waiting.count })),
    },
    {
      name: "ossaat_approvals_pending",
      help: "Questions that wait for a person, of the database: take max, not sum",
      values: approvals.map(({ kind, waiting }) => ({ labels: { kind }, value: waiting.count })),
    },
    {
      name: "ossaat_oldest_approval_seconds",
      help: "Age of the oldest question that waits for a person, of the database: take max, not sum",
      values: approvals.map(({ kind, waiting }) => ({ labels: { kind }, value: waiting.oldestSeconds ?? 0 })),
    },
  ];
}

export type QueueFigures = QueueAnswer & { deadLetters: { pool: string; count: number | null }[] };

/** What the broker does not say has no series: no answer is no depth of 0. */
export function queueGauges(figures: QueueFigures | undefined): GaugeReading[] {
  const takes = figures !== undefined && figures.health.ok && !figures.health.blocked;
  return [
    {
      name: "ossaat_queue_up",
      help: "1 when the queue answers and takes messages",
      values: [{ value: takes ? 1 : 0 }],
    },
    {
      name: "ossaat_broker_depth",
      help: "Messages that wait at the broker: take max, not sum",
      values: byPool(figures?.pools ?? [], ({ depth }) => depth),
    },
    {
      name: "ossaat_dead_letters",
      help: "Messages that nobody will handle unless a person decides: take max, not sum",
      values: byPool(figures?.deadLetters ?? [], ({ count }) => count),
    },
  ];
}

/** Of this process: sum them. */
export function slotGauge(pools: readonly { pool: string; busy: number; free: number }[]): GaugeReading {
  return {
    name: "ossaat_slots",
    help: "Slots of this process",
    values: pools.flatMap(({ pool, busy, free }) => [
      { labels: { pool, state: "busy" }, value: busy },
      { labels: { pool, state: "free" }, value: free },
    ]),
  };
}
