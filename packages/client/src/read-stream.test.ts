import { createdEvent, eventLog } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { readStream } from "./read-stream.ts";
import type { StreamItem } from "./read-stream.ts";

const log = eventLog([
  createdEvent(),
  { type: "plan.started", data: {} },
  { type: "plan.paused", data: {} },
  { type: "plan.resumed", data: {} },
  { type: "plan.finished", data: { status: "succeeded" } },
]);

function frames(from: number, to: number): string {
  const events = log.filter(({ seq }) => seq > from && seq <= to);
  return events.map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

/** Opens that end at the given events, one after the other; then there is nothing more. */
async function read(ends: readonly number[], afterSeq = 0) {
  const opened: number[] = [];
  const items: StreamItem[] = [];
  const open = (lastSeq: number) => {
    const end = ends[opened.length];
    opened.push(lastSeq);
    return Promise.resolve(
      end === undefined ? new Response(null, { status: 204 }) : new Response(frames(lastSeq, end)),
    );
  };
  for await (const item of readStream(open, { afterSeq, signal: AbortSignal.timeout(10_000) })) items.push(item);
  return { opened, seqs: items.flatMap((item) => (item.kind === "state" ? [item.event.seq] : [])) };
}

test("ends with the plan, without asking again", async () => {
  expect(await read([5])).toEqual({ opened: [0], seqs: [1, 2, 3, 4, 5] });
});

test("goes on after the last event it saw when the stream breaks", async () => {
  expect(await read([2, 3, 5])).toEqual({ opened: [0, 2, 3], seqs: [1, 2, 3, 4, 5] });
});

test("asked for what comes after the end, is told that nothing does, and ends", async () => {
  expect(await read([], 5)).toEqual({ opened: [5], seqs: [] });
});
