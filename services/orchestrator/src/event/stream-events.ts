// The event stream of a plan as Server-Sent Events. State events carry their sequence as id
// and are read from the log, so a stream resumes gapless from any replica; live text has no id.
import { isTerminalPlan } from "@ossaat/contracts";
import type { EventType, LiveEvent, PlanEvent } from "@ossaat/contracts";
import { countStream } from "@ossaat/telemetry";
import type { Response } from "express";

import type { Engine } from "../job/engine.ts";
import { plansPolledBy } from "./poll-plans.ts";
import { readLogPage } from "./read-events.ts";

export const streamLimits = {
  /** Comment frames that keep proxies from closing the stream, ms. */
  heartbeatMs: 15_000,
  /** Bytes a slow reader may be behind before live text is dropped for it. */
  maxBufferedBytes: 1024 * 1024,
} as const;

function stateFrame(event: PlanEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function liveFrame(event: LiveEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Waits until a slow reader has caught up, or has left. */
async function drain(response: Response, signal: AbortSignal): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
    signal.addEventListener("abort", done);
  });
}

const lastEvents: readonly EventType[] = ["plan.finished", "plan.rejected"];

/** Whether the log up to `seq` is all there will ever be. */
export async function isWhole(engine: Engine, planId: string, seq: number): Promise<boolean> {
  const plan = await engine.store.read
    .selectFrom("plan")
    .select(["status", "next_seq"])
    .where("id", "=", planId)
    .executeTakeFirst();
  return plan === undefined || (isTerminalPlan(plan.status) && seq >= plan.next_seq - 1);
}

/** Writes events after `afterSeq` until the plan ends or the reader leaves. */
export async function streamEvents(
  engine: Engine,
  response: Response,
  { planId, afterSeq, signal }: { planId: string; afterSeq: number; signal: AbortSignal },
): Promise<void> {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  let wake: () => void = () => undefined;
  const offWake = engine.bus.onWake(planId, () => wake());
  const offLive = engine.bus.onLive(planId, (event) => {
    if (response.writableLength < streamLimits.maxBufferedBytes) response.write(liveFrame(event));
  });
  const heartbeat = setInterval(() => response.write(": keep-alive\n\n"), streamLimits.heartbeatMs);
  const leave = countStream();
  let sent = afterSeq;
  const { store } = engine;
  const offPolls = plansPolledBy(engine.bus).enter({ store, planId, seen: () => sent, wake: () => wake() });
  try {
    while (!signal.aborted && !response.destroyed) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const { events, hasMore, isWhole: isOver } = await readLogPage(store.read, planId, { afterSeq: sent });
      for (const event of events) {
        response.write(stateFrame(event));
        sent = event.seq;
        if (lastEvents.includes(event.type)) return;
        await drain(response, signal);
        if (signal.aborted) break;
      }
      if (signal.aborted || isOver) return;
      // What is written after the reading wakes; of a long log there may be more already.
      if (!hasMore) await waitFor(woken, signal);
    }
  } finally {
    leave();
    offWake();
    offPolls();
    offLive();
    clearInterval(heartbeat);
    response.end();
  }
}

async function waitFor(woken: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const leave = () => resolve();
    signal.addEventListener("abort", leave);
    void woken.then(() => {
      signal.removeEventListener("abort", leave);
      return resolve();
    });
  });
}
