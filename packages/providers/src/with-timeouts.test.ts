import { describe, expect, test } from "vitest";

import { ProviderError } from "./provider-error.ts";
import type { ModelProvider, ModelRequest, StreamEvent } from "./spec.ts";
import { readAll, testRequest } from "./testing/requests.ts";
import { withTimeouts } from "./with-timeouts.ts";

const capabilities = {
  tools: true,
  parallelTools: true,
  strictTools: false,
  jsonSchema: true,
  vision: false,
  audio: false,
  pdf: false,
  reasoning: "none",
  sampling: true,
  cache: "none",
} as const;

function providerOf(stream: (request: ModelRequest) => AsyncGenerator<StreamEvent>): ModelProvider {
  return withTimeouts({ id: "acme", stream, capabilities: () => capabilities });
}

const start: StreamEvent = { type: "start", warnings: [] };
const block: StreamEvent = { type: "blockStart", blockId: "0", kind: "text" };
const finish: StreamEvent = { type: "finish", reason: "stop" };

function hang(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(new Error("aborted")));
  });
}

describe("withTimeouts keeps the stream rules for any provider", () => {
  test("what an adapter throws becomes the one terminal event", async () => {
    const provider = providerOf(async function* failing() {
      yield block;
      throw new TypeError("a bug");
    });
    const events = await readAll(provider.stream(testRequest()));
    expect(events).toMatchObject([
      block,
      { type: "error", error: { kind: "protocol", retryable: false, phase: "afterFirstToken" } },
    ]);
  });

  test("an adapter that just ends gets an error", async () => {
    const provider = providerOf(async function* silent() {
      yield start;
    });
    expect(await readAll(provider.stream(testRequest()))).toMatchObject([
      start,
      { type: "error", error: { kind: "network", phase: "beforeFirstToken" } },
    ]);
  });

  test("an answer without end is cut off, and not asked for again", async () => {
    let sent = 0;
    const provider = providerOf(async function* endless() {
      yield start;
      yield block;
      for (;;) {
        sent += 1;
        yield { type: "blockDelta", blockId: "0", kind: "text", text: "x".repeat(1024 * 1024) };
      }
    });
    const events = await readAll(provider.stream(testRequest()));
    expect(events.at(-1)).toMatchObject({
      type: "error",
      error: { kind: "protocol", retryable: false, phase: "afterFirstToken" },
    });
    expect([sent, events.length]).toEqual([9, 11]);
  });

  test.each<[string, StreamEvent]>([
    ["finish", finish],
    ["error", { type: "error", error: new ProviderError("server", "x", { provider: "acme" }) }],
  ])("nothing comes after %s", async (_name, terminal) => {
    const provider = providerOf(async function* talkative() {
      yield start;
      yield terminal;
      yield block;
    });
    const events = await readAll(provider.stream(testRequest()));
    expect(events.map((event) => event.type)).toEqual(["start", terminal.type]);
  });

  test("an adapter that ignores everything still ends on the caller's abort", async () => {
    const abort = new AbortController();
    const provider = providerOf(async function* deaf() {
      yield start;
      await new Promise(() => {});
    });
    const seen: StreamEvent[] = [];
    for await (const event of provider.stream(testRequest({ signal: abort.signal }))) {
      seen.push(event);
      abort.abort();
    }
    expect(seen).toMatchObject([start, { type: "error", error: { kind: "cancelled" } }]);
  });

  test("heartbeats hold off the idle timer, not the total", async () => {
    const provider = providerOf(async function* alive({ signal }) {
      yield start;
      yield block;
      for (let count = 0; count < 40; count += 1) {
        await new Promise((resolve) => {
          setTimeout(resolve, 10);
        });
        yield { type: "heartbeat" };
      }
      await hang(signal);
    });
    const events = await readAll(provider.stream(testRequest({ timeouts: { idleMs: 2_000, totalMs: 200 } })));
    expect(events.filter((event) => event.type === "heartbeat").length).toBeGreaterThan(1);
    expect(events.at(-1)).toMatchObject({ type: "error", error: { kind: "timeout", timeout: "total" } });
  });

  test("heartbeats do not hold off the timer of progress", async () => {
    const provider = providerOf(async function* alive() {
      yield start;
      yield block;
      for (;;) {
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
        yield { type: "heartbeat" };
      }
    });
    const events = await readAll(provider.stream(testRequest({ timeouts: { idleMs: 60_000, progressMs: 60 } })));
    expect(events.at(-1)).toMatchObject({
      type: "error",
      error: { kind: "timeout", timeout: "progress", retryable: true, phase: "afterFirstToken" },
    });
  });

  test("a timer aborts the adapter's signal", async () => {
    let isAborted = false;
    const provider = providerOf(async function* waiting({ signal }) {
      signal?.addEventListener("abort", () => {
        isAborted = true;
      });
      yield start;
      await hang(signal);
    });
    const events = await readAll(provider.stream(testRequest({ timeouts: { firstTokenMs: 20 } })));
    expect(events.at(-1)).toMatchObject({ type: "error", error: { timeout: "firstToken" } });
    expect(isAborted).toBe(true);
  });
});
