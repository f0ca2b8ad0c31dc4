import type { ToolEvent } from "@ossaat/contracts";
import { describe, expect, it } from "vitest";

import { EventLog } from "./event-log.ts";
import { eventLimits } from "./limits.ts";

const at = "2026-01-01T00:00:00.000Z";
const chunk = (data: string) => ({
  state: "running" as const,
  occurredAt: at,
  chunk: { channel: "stdout" as const, data },
});
const done = { state: "completed" as const, occurredAt: at, summary: "done", output: { text: "" } };

async function read(log: EventLog, afterSeq?: number): Promise<ToolEvent[]> {
  const all: ToolEvent[] = [];
  for await (const event of log.read(afterSeq)) all.push(event);
  return all;
}
const numbers = async (log: EventLog, afterSeq?: number) => (await read(log, afterSeq)).map((event) => event.seq);

describe("the events of a call", () => {
  it("are numbered from 1 without a gap and end with the terminal one", async () => {
    const log = new EventLog();
    await log.push(chunk("a"));
    await log.push(chunk("b"));
    log.end(done);
    expect(await read(log)).toEqual([
      { seq: 1, ...chunk("a") },
      { seq: 2, ...chunk("b") },
      { seq: 3, ...done },
    ]);
  });

  it("go on after a number; the terminal one always comes", async () => {
    const log = new EventLog();
    for (const data of ["a", "b", "c"]) await log.push(chunk(data));
    log.end(done);
    expect(await numbers(log, 2)).toEqual([3, 4]);
    expect(await numbers(log, 4)).toEqual([4]);
    expect(await numbers(log, 99)).toEqual([4]);
  });

  it("go on after a number while the call runs, and after a restart", async () => {
    const log = new EventLog();
    log.continueAfter(6);
    const early = numbers(log, 6);
    const far = numbers(log, 50);
    await log.push(chunk("a"));
    log.end(done);
    expect(await early).toEqual([7, 8]);
    expect(await far).toEqual([8]);
  });

  it("are each reader's own objects", async () => {
    const log = new EventLog();
    log.end({ ...done, output: { text: "kept" } });
    const [first] = await read(log);
    if (first?.state === "completed") first.output.text = "changed";
    expect(await read(log)).toMatchObject([{ output: { text: "kept" } }]);
  });

  it("hold the producer back while a reader lags, and let it go when the reader leaves", async () => {
    const log = new EventLog();
    const events = log.read();
    const first = events.next();
    const half = "x".repeat(eventLimits.maxLagBytes / 2);
    await log.push(chunk(half));
    await first;
    let pushed = 1;
    const producing = (async () => {
      for (; pushed < 10; pushed += 1) await log.push(chunk(half));
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pushed).toBeLessThan(4);
    await events.return(undefined);
    await producing;
    expect(pushed).toBe(10);
  });

  it("let the producer run on once it is ended", async () => {
    const log = new EventLog();
    const events = log.read();
    void events.next();
    const blocked = log.push(chunk("x".repeat(eventLimits.maxLagBytes + 1)));
    log.release();
    await blocked;
    await log.push(chunk("x".repeat(eventLimits.maxLagBytes + 1)));
    log.end(done);
    expect(log.terminal?.seq).toBe(3);
  });

  it("keep a bounded past", async () => {
    const log = new EventLog();
    const data = "x".repeat(64 * 1024);
    for (let index = 0; index < 100; index += 1) await log.push(chunk(data));
    log.end(done);
    const kept = await read(log);
    const bytes = kept.reduce(
      (sum, event) => sum + (event.state === "running" ? (event.chunk?.data.length ?? 0) : 0),
      0,
    );
    expect(bytes).toBeLessThanOrEqual(eventLimits.maxKeptBytes);
    expect(kept.at(-1)).toEqual({ seq: 101, ...done });
  });

  it("that are broken off come to each reader as far as they go, then the error", async () => {
    const log = new EventLog();
    const [early, late] = [log.read(), log.read()];
    await log.push(chunk("x"));
    expect((await early.next()).value).toMatchObject({ seq: 1 });
    const waiting = early.next();
    log.breakOff(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
    expect((await late.next()).value).toMatchObject({ seq: 1 });
    await expect(late.next()).rejects.toThrow("stopped");
    expect(log.terminal).toBeUndefined();
  });
});
