import { AgentError } from "@ossaat/contracts";
import type { Budget, EventType, PlanEvent } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import type { StepInput } from "@ossaat/contracts/testing";
import { ProviderError } from "@ossaat/providers";
import type { ModelRequest, StreamEvent } from "@ossaat/providers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { sweepTimers } from "../job/sweep.ts";
import { StepStopped } from "../job/worker.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptedReply, ServerProcess } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf } from "../testing/look.ts";
import { stepLimits } from "./limits.ts";

let stack: AgentStack;
let server: ServerProcess;
let planId: string;

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
});
afterAll(() => stack.remove());

type Call = { name: string; input?: unknown };
const calls = (...toolCalls: Call[]): ScriptedReply => ({ toolCalls });
const write = (file: string, content: string): Call => ({
  name: "write_file",
  input: { path: file, content, overwrite: true },
});
const finish = (): Call => ({ name: "finish", input: { summary: "Done." } });

async function start(replies: readonly ScriptedReply[], [step = {}]: readonly StepInput[] = [], budget: Budget = {}) {
  const script = replies.map((reply, index) => ({ match: { agent: "code-writer", turn: index + 1 }, reply }));
  server = stack.process();
  planId = await server.storePlan([testStep("a", step)], { model: stack.script(script), budget });
}
const run = () => server.run(planId);
const runStep = () => server.run(planId, { once: true });
const events = async <T extends EventType>(type: T) => {
  const all: PlanEvent[] = await readEvents(stack.engine.store.read, planId);
  return all.filter((event): event is Extract<PlanEvent, { type: T }> => event.type === type);
};
const stepOf = async () => {
  const { status, reason, message } = (await server.state(planId)).steps[0]!;
  return { status, reason, message };
};
const delivered = () => stack.requests(planId).filter((line) => line.endsWith("delivered")).length;
const isSound = async () => expect(await auditPlan(stack.engine, planId)).toEqual([]);
const spent = async () => {
  const row = await planRowOf(stack.engine, planId);
  return { tokens: row.spent_tokens, costUsd: row.spent_cost_usd, unknown: row.unknown_cost_turns };
};
const retryLater = async () => {
  stack.engine.clock.advance(400_000);
  await sweepTimers(stack.engine);
  await runStep();
};

describe("a model that fails", () => {
  const good = calls(write("src/a.ts", "2\n"), finish());

  test("in passing, is asked again after its own pause; nothing that was finished is asked again", async () => {
    await start([
      calls({ name: "read_file", input: { path: "src/a.ts" } }),
      { ...good, error: { kind: "overloaded", times: 1, retryAfterMs: 5_000 } },
    ]);
    await run();
    expect((await stepOf()).status).toBe("backoff");
    stack.engine.clock.advance(4_999);
    expect(await sweepTimers(stack.engine)).toBe(0);
    stack.engine.clock.advance(1);
    expect(await sweepTimers(stack.engine)).toBe(1);
    await run();
    expect([(await server.state(planId)).status, stack.requests(planId)]).toEqual([
      "succeeded",
      ["a.1 started", "a.1 delivered", "a.2 started", "a.2 started", "a.2 delivered"],
    ]);
    await isSound();
  });

  test("for good, ends the step at once", async () => {
    await start([{ ...good, error: { kind: "auth" } }]);
    await run();
    expect([(await stepOf()).reason, stack.requests(planId)]).toEqual(["provider_failed", ["a.1 started"]]);
    await isSound();
  });

  test("in the middle of an answer, leaves nothing of it", async () => {
    await start([{ text: "one two three", ...good, error: { kind: "network", times: 1, afterChunks: 2 } }]);
    await run();
    stack.engine.clock.advance(10_000);
    await sweepTimers(stack.engine);
    await run();
    expect([(await server.state(planId)).status, (await events("model.finished")).length]).toEqual(["succeeded", 1]);
  });
});

test("a model that breaks off is what is recorded and charged, also when the journal fails behind it", async () => {
  const { journal } = stack.parts;
  const begin = journal.begin.bind(journal);
  journal.begin = async (key) => {
    const recording = await begin(key);
    journal.begin = begin;
    const outage = new AgentError("unavailable", "It is away.", { details: { reason: "connection_lost" } });
    return { add: (event) => recording.add(event), close: () => Promise.reject(outage) };
  };
  await start([
    {
      text: "one two three",
      ...calls(write("src/a.ts", "2\n"), finish()),
      error: { kind: "network", times: 1, afterChunks: 2 },
    },
  ]);
  await run();
  expect([(await stepOf()).status, (await events("model.failed")).length]).toEqual(["backoff", 1]);
  await retryLater();
  await run();
  expect((await server.state(planId)).status).toBe("succeeded");
  await isSound();
});

describe("the budget", () => {
  test("of the run ends the step before a turn that does not fit is bought", async () => {
    await start([calls(write("src/a.ts", "2\n"), finish())], [{}], { maxTokens: 100 });
    await run();
    expect(await stepOf()).toEqual({
      status: "failed",
      reason: "budget",
      message: expect.stringMatching(/^The budget is used up: 0 of 100 tokens are spent/),
    });
    expect(stack.requests(planId)).toEqual([]);
    await isSound();
  });

  test("of a step ends it when its turns have used it", async () => {
    await start(
      [
        {
          ...calls({ name: "read_file", input: { path: "src/a.ts" } }),
          usage: { inputTokens: 900, outputTokens: 200 },
        },
        calls(write("src/a.ts", "2\n"), finish()),
      ],
      [{ envelope: { budget: { maxTokens: 1_000 } } }],
    );
    await runStep();
    expect([(await stepOf()).reason, delivered()]).toEqual(["budget", 1]);
  });

  test("is charged what the model says it used", async () => {
    await start([
      { ...calls(write("src/a.ts", "2\n")), usage: { inputTokens: 900, outputTokens: 200, costUsd: 0.25 } },
      { ...calls(finish()), usage: { inputTokens: 1_000, outputTokens: 10, costUsd: 0.5 } },
    ]);
    await runStep();
    expect((await server.state(planId)).spend).toEqual({
      inputTokens: 1_900,
      outputTokens: 210,
      costUsd: 0.75,
      unknownCostTurns: 0,
      turns: 2,
    });
  });
});

describe("a turn that broke", () => {
  const good = calls(write("src/a.ts", "2\n"), finish());
  const usage = { inputTokens: 900, outputTokens: 20, costUsd: 0.25 };

  test("after the vendor said what it used is paid for", async () => {
    await start([{ ...good, usage, error: { kind: "network", times: 1, afterChunks: 99 } }]);
    await runStep();
    const [failed] = await events("model.failed");
    expect([await spent(), failed?.data]).toMatchObject([
      { tokens: 920, costUsd: 0.25, unknown: 0 },
      { usage: { inputTokens: 900, outputTokens: 20 }, costUsd: 0.25, tokens: 920 },
    ]);
    expect((await server.state(planId)).spend).toEqual({
      inputTokens: 900,
      outputTokens: 20,
      costUsd: 0.25,
      unknownCostTurns: 0,
      turns: 0,
    });
    await retryLater();
    expect([(await stepOf()).status, await spent()]).toEqual([
      "succeeded",
      { tokens: 1_840, costUsd: 0.5, unknown: 0 },
    ]);
  });

  test("in the middle of its answer, without a word of its use, costs an unknown sum, its question and what arrived", async () => {
    await start([{ text: "one two three", ...good, error: { kind: "network", times: 1, afterChunks: 2 } }]);
    await runStep();
    const [reserved] = await events("budget.reserved");
    const [failed] = await events("model.failed");
    const question = reserved!.data.tokens - 16_000;
    expect(question).toBeGreaterThan(100);
    const tokens = question + Math.ceil("one two ".length / stepLimits.charsPerToken);
    expect([await spent(), failed?.data]).toEqual([
      { tokens, costUsd: 0, unknown: 1 },
      { turn: 1, requestAttempt: 1, error: failed?.data.error, costUsd: null, tokens },
    ]);
    expect((await server.state(planId)).spend.unknownCostTurns).toBe(1);
  });

  /** Lets a model's answer stop after its second piece, for ever or until it is aborted. */
  const stall = () => {
    const { models } = server.deps;
    const arrived = Promise.withResolvers<void>();
    async function* stalled(events: AsyncIterable<StreamEvent>, signal: AbortSignal | undefined) {
      let pieces = 0;
      for await (const event of events) {
        yield event;
        if (event.type !== "blockDelta") continue;
        pieces += 1;
        if (pieces < 2) continue;
        arrived.resolve();
        await new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
        const error = new ProviderError("cancelled", "cancelled", { provider: "scripted", phase: "afterFirstToken" });
        yield { type: "error", error } as const;
        return;
      }
    }
    server.deps.models = {
      ...models,
      async resolve(ref) {
        const resolved = await models.resolve(ref);
        const stream = (request: ModelRequest) => stalled(resolved.provider.stream(request), request.signal);
        return { ...resolved, provider: { ...resolved.provider, stream } };
      },
    };
    return arrived.promise;
  };
  const partly = async () => {
    const [reserved] = await events("budget.reserved");
    const arrived = Math.ceil("one two ".length / stepLimits.charsPerToken);
    return { tokens: reserved!.data.tokens - 16_000 + arrived, costUsd: 0, unknown: 1 };
  };

  test("with its worker is charged by the next one: its question and what had arrived, once", async () => {
    await start([{ text: "one two three", ...good, usage }]);
    const arrived = stall();
    // It never ends, as in a killed process.
    void runStep();
    await arrived;
    const charged = await partly();
    server = stack.process();
    await server.start();
    const arrivedAgain = stall();
    void runStep();
    await arrivedAgain;
    expect(await spent()).toEqual(charged);
    server = stack.process();
    await server.start(400_000);
    await run();
    expect([(await stepOf()).status, await spent(), (await events("model.failed")).map(({ data }) => data)]).toEqual([
      "succeeded",
      { tokens: 2 * charged.tokens + 920, costUsd: 0.25, unknown: 2 },
      [1, 2].map((requestAttempt) => ({
        turn: 1,
        requestAttempt,
        error: {
          code: "provider_failed",
          message: expect.stringContaining("The server stopped while the answer arrived.") as unknown,
        },
        costUsd: null,
        tokens: charged.tokens,
      })),
    ]);
    await isSound();
  });

  test("because its step was stopped is charged too", async () => {
    await start([{ text: "one two three", ...good, usage }]);
    const arrived = stall();
    const stop = new AbortController();
    const running = server.run(planId, { once: true, signal: stop.signal });
    await arrived;
    stop.abort(new StepStopped("cancel"));
    await expect(running).rejects.toThrow(/asked to stop|cancelled/);
    expect(await spent()).toEqual(await partly());
  });

  test("with a count of 0 tokens is charged as if nothing had been counted", async () => {
    await start([{ ...good, usage, error: { kind: "network", times: 1, afterChunks: 99 } }]);
    const { models } = server.deps;
    server.deps.models = {
      ...models,
      async resolve(ref) {
        const resolved = await models.resolve(ref);
        async function* stream(request: ModelRequest): AsyncGenerator<StreamEvent> {
          for await (const event of resolved.provider.stream(request)) {
            const nothing = { input: { total: 0 }, output: { total: 0 } };
            yield event.type === "usage" ? { ...event, usage: nothing } : event;
          }
        }
        return { ...resolved, provider: { ...resolved.provider, stream } };
      },
    };
    await runStep();
    const [reserved] = await events("budget.reserved");
    const arrived = (await events("model.failed"))[0]!.data.tokens! - (reserved!.data.tokens - 16_000);
    expect(arrived).toBeGreaterThan(0);
    expect(await spent()).toMatchObject({ tokens: reserved!.data.tokens - 16_000 + arrived, costUsd: 0, unknown: 1 });
  });

  test("again and again uses up the budget of the run", async () => {
    const error = { kind: "network", times: 99, afterChunks: 1 };
    await start([{ text: "one two three", ...good, error }], [], { maxTokens: 18_000 });
    await runStep();
    for (let round = 0; round < 4; round += 1) await retryLater();
    const { reason, message } = await stepOf();
    expect([reason, message]).toEqual(["budget", expect.stringMatching(/^The budget is used up/)]);
  });

  test("again and again uses up the budget of its step", async () => {
    const error = { kind: "network", times: 99, afterChunks: 1 };
    await start([{ text: "one two three", ...good, error }], [{ envelope: { budget: { maxTokens: 1_500 } } }]);
    await runStep();
    for (let round = 0; round < 4; round += 1) await retryLater();
    expect((await stepOf()).reason).toBe("budget");
  });

  test.each(["rateLimit", "overloaded", "auth"])("before it began, because of %s, costs nothing", async (kind) => {
    await start([{ ...good, usage, error: { kind, times: 1 } }]);
    await runStep();
    const [failed] = await events("model.failed");
    expect([await spent(), failed?.data]).toEqual([
      { tokens: 0, costUsd: 0, unknown: 0 },
      { turn: 1, requestAttempt: 1, error: failed?.data.error },
    ]);
  });
});
