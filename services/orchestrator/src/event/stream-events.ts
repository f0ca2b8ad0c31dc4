// The event stream of a plan as Server-Sent Events. State events carry their sequence as id
// and are read from the log, so a stream resumes gapless from any replica; live text has no id.
import type { LiveEvent, PlanEvent } from "@ossaat/contracts";
import type { Response } from "express";

import type { Engine } from "../job/engine.ts";
import { readEvents } from "./read-events.ts";

export const streamLimits = {
  /** Comment frames that keep proxies from closing the stream, ms. */
  heartbeatMs: 15_000,
  /** Poll for events of other processes, ms. */
  pollMs: 1_000,
  /** Bytes a slow reader may be behind before live text is dropped for it. */
  maxBufferedBytes: 1024 * 1024,
} as const;

function stateFrame(event: PlanEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function liveFrame(event: LiveEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

async function drain(response: Response): Promise<void> {
  if (!response.writableNeedDrain) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
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
  let sent = afterSeq;
  try {
    while (!signal.aborted && !response.destroyed) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const page = await readEvents(engine.store.read, planId, { afterSeq: sent });
      for (const event of page) {
        response.write(stateFrame(event));
        sent = event.seq;
        if (event.type === "plan.finished" || event.type === "plan.rejected") return;
      }
      await drain(response);
      if (page.length > 0) continue;
      await waitFor(woken, signal);
    }
  } finally {
    offWake();
    offLive();
    clearInterval(heartbeat);
    response.end();
  }
}

async function waitFor(woken: Promise<void>, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const poll = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, streamLimits.pollMs);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([woken, poll]);
  clearTimeout(timer);
}
