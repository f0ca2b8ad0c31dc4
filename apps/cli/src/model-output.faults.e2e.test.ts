// Model output of every bad kind, over a vendor's wire: the server is a third party's, its answers
// are written here. The run ends, or goes on, with a clear result, and nothing half is executed.
import path from "node:path";

import { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterPlan } from "./testing/script.ts";

const goal = "Let sum in src/sum.js add";
type WireCall = { name: string; arguments: string };
const wireCall = (name: string, input: unknown = {}): WireCall => ({ name, arguments: JSON.stringify(input) });
const editSum = wireCall("edit_file", { path: "src/sum.js", oldText: "a - b", newText: "a + b" });
const done = wireCall("finish", { summary: "Done.", findings: [] });

let cli: Cli;
let mock: LLMock;
let repository: string;
beforeAll(async () => {
  mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  await mock.start();
  cli = await createCli({
    OPENAI_API_KEY: "test-key-openai",
    OPENAI_BASE_URL: `${mock.url}/v1`,
    ANTHROPIC_API_KEY: "test-key-anthropic",
    ANTHROPIC_BASE_URL: mock.url,
  });
  repository = await makeRepository(path.join(cli.folder, "repository"));
});
afterAll(async () => {
  await cli.close();
  await mock.stop();
});

type Reply = Parameters<LLMock["on"]>[1];
type Options = Parameters<LLMock["on"]>[2];
type Turn = { reply: Reply; options?: Options; sequenceIndex?: number; turnIndex: number };

function answer(agent: string, { reply, options = { chunkSize: 4_096 }, ...match }: Turn): void {
  mock.on({ systemMessage: `You are the agent ${agent}.`, ...match }, reply, options);
}

/** Everybody but the writer does the ordinary thing; the writer does what the test says. */
function speak(writer: readonly Turn[], files = ["src/sum.js"]): void {
  mock.clearFixtures();
  mock.resetMatchCounts();
  const plan = { ...counterPlan, steps: [{ ...counterPlan.steps[0], files }] };
  answer("planner", { turnIndex: 0, reply: { toolCalls: [wireCall("propose_plan", plan)] } });
  for (const turn of writer) answer("code-writer", turn);
  answer("tester", { turnIndex: 0, reply: { toolCalls: [wireCall("run_tests")] } });
  answer("tester", { turnIndex: 1, reply: { toolCalls: [done] } });
  answer("auditor", { turnIndex: 0, reply: { toolCalls: [wireCall("git_diff")] } });
  answer("auditor", { turnIndex: 1, reply: { toolCalls: [done] } });
}

type Run = { code: number; stderr: string; plan: Json; events: Json[] };

async function run(model: string, ...flags: string[]): Promise<Run> {
  const { code, stderr, value } = await cli.json(repository, ["run", goal, "--yes", "--model", model, ...flags]);
  const { events } = (await cli.json(repository, ["logs", value.plan.id])).value;
  return { code, stderr, plan: value.plan, events };
}

const rowsFile = "src/rows.jsonl";
/** Lines of JSON whose text is the worst for everything that escapes. */
const rowsOf = (bytes: number): string => {
  const row = `${JSON.stringify({ text: 'ü"\\ \u2028 🎉'.repeat(3) })}\n`;
  return row.repeat(Math.ceil(bytes / Buffer.byteLength(row)));
};
const writeRows = (content: string): WireCall => wireCall("write_file", { path: rowsFile, content });
const ofType = (events: Json[], type: string, stepId = "fix"): Json[] =>
  events.filter((event) => event.type === type && event.stepId === stepId).map(({ data }) => data);
const startedCalls = (events: Json[]) => ofType(events, "tool.started").map(({ tool }) => tool);
const wires = ["openai/gpt-local", "anthropic/claude-local"];
const ending = ({ code, plan }: Pick<Run, "code" | "plan">) => [code, plan.status, plan.reason];

describe.each(wires)("over the wire of %s", (model) => {
  test("a connection cut inside a call's arguments runs nothing; the answer is asked for again and paid twice", async () => {
    speak([
      {
        turnIndex: 0,
        sequenceIndex: 0,
        reply: { toolCalls: [editSum] },
        options: { chunkSize: 10, truncateAfterChunks: 5 },
      },
      { turnIndex: 0, reply: { toolCalls: [editSum] } },
      { turnIndex: 1, reply: { toolCalls: [done] } },
    ]);
    const { code, plan, events } = await run(model);
    expect([code, plan.status, startedCalls(events)]).toEqual([0, "succeeded", ["edit_file"]]);
    const [failed, ...more] = ofType(events, "model.failed");
    expect([failed, more]).toMatchObject([{ turn: 1, requestAttempt: 1, costUsd: null }, []]);
    expect(failed.tokens).toBeGreaterThan(1_000);
    expect(plan.spend.unknownCostTurns).toBe(8);
  });

  test("arguments of 200 kB arrive whole", async () => {
    const content = rowsOf(200_000);
    speak([{ turnIndex: 0, reply: { toolCalls: [writeRows(content), editSum, done] } }], ["src/sum.js", rowsFile]);
    const { code, plan, events, stderr } = await run(model);
    expect([code, plan.status, startedCalls(events)], stderr).toEqual([0, "succeeded", ["write_file", "edit_file"]]);
    expect(git(repository, "show", `${plan.branch}:${rowsFile}`)).toBe(content.trimEnd());
  });
});

describe("over the wire of openai/gpt-local", () => {
  const [model = ""] = wires;
  const half = { name: "edit_file", arguments: editSum.arguments.slice(0, 40) };

  test("a flood of 1,000 calls in one turn: 16 run, and the step ends at its limit", async () => {
    const look = wireCall("read_file", { path: "src/sum.js" });
    speak([{ turnIndex: 0, reply: { toolCalls: Array.from({ length: 1_000 }, () => look) } }]);
    const result = await run(model);
    expect(ending(result)).toEqual([8, "failed", "limit"]);
    expect(startedCalls(result.events)).toHaveLength(16);
    const ends = ofType(result.events, "tool.finished");
    expect(new Set(ends.slice(16).map(({ summary }) => summary))).toEqual(
      new Set(["At most 16 calls of one turn are run; send the rest again."]),
    );
    expect(ends.length).toBeLessThan(210);
  });

  test("arguments of 2 MB are refused, and the step says why it cannot go on", async () => {
    speak([{ turnIndex: 0, reply: { toolCalls: [writeRows(rowsOf(2_000_000))] } }], ["src/sum.js", rowsFile]);
    const result = await run(model);
    expect(ending(result)).toEqual([8, "failed", "limit"]);
    expect(result.plan.message).toContain("does not fit the model's context window");
    const [refused] = ofType(result.events, "tool.finished");
    expect([startedCalls(result.events), refused.state]).toEqual([[], "failed"]);
    expect(refused.summary).toMatch(/^The arguments of write_file are not valid: .*<=1048576 characters$/u);
  });

  test("arguments cut at the length limit are not run, and the model is told", async () => {
    speak([
      { turnIndex: 0, sequenceIndex: 0, reply: { toolCalls: [half], finishReason: "length" } },
      { turnIndex: 0, reply: { toolCalls: [editSum, done] } },
    ]);
    const { code, events } = await run(model);
    expect([code, startedCalls(events)]).toEqual([0, ["edit_file"]]);
    expect(ofType(events, "guidance.added").map(({ kind }) => kind)).toEqual(["length"]);
  });

  test("arguments that are cut every time end the step after five answers", async () => {
    speak([{ turnIndex: 0, reply: { toolCalls: [half], finishReason: "length" } }]);
    const result = await run(model);
    expect(ending(result)).toEqual([3, "failed", "loop"]);
    expect([ofType(result.events, "model.finished").length, startedCalls(result.events)]).toEqual([5, []]);
  });

  test("a stream of one character a second ends with the run's time, and leaves no half call", async () => {
    speak([{ turnIndex: 0, reply: { toolCalls: [editSum] }, options: { chunkSize: 1, latency: 1_000 } }]);
    const result = await run(model, "--max-minutes", "0.08");
    expect(ending(result)).toEqual([8, "failed", "timeout"]);
    expect([ofType(result.events, "model.finished"), startedCalls(result.events)]).toEqual([[], []]);
  });

  test("an answer of 30 MB is cut off, charged by an estimate, and not asked for again", async () => {
    speak([{ turnIndex: 0, reply: { content: "x".repeat(30_000_000) }, options: { chunkSize: 64_000 } }]);
    const result = await run(model);
    expect(ending(result)).toEqual([3, "failed", "provider_failed"]);
    expect(result.plan.message).toContain("sent more than 8388608 characters in one answer");
    const failures = ofType(result.events, "model.failed");
    expect(failures.map(({ costUsd }) => costUsd)).toEqual([null]);
    expect(failures[0].tokens).toBeGreaterThan(2_000_000);
  });
});

describe("a model that contradicts itself", () => {
  const [model = ""] = wires;

  test("says it is done before it did anything, is refused, and what it did after counts", async () => {
    speak([
      { turnIndex: 0, reply: { content: "Everything is done.", toolCalls: [done, editSum] } },
      { turnIndex: 1, reply: { toolCalls: [done] } },
    ]);
    const { code, plan, events } = await run(model);
    expect([code, plan.status]).toEqual([0, "succeeded"]);
    expect(ofType(events, "tool.finished").map(({ tool, state }) => `${tool} ${state}`)).toEqual([
      "finish failed",
      "edit_file completed",
    ]);
  });

  test("claims that failing tests pass: the run fails, and no branch is published", async () => {
    const wrong = wireCall("edit_file", { path: "src/sum.js", oldText: "a - b", newText: "a * b" });
    speak([{ turnIndex: 0, reply: { toolCalls: [wrong, done] } }]);
    const result = await run(model);
    expect(ending(result)).toEqual([3, "failed", "check_failed"]);
    expect(result.plan.message).toMatch(/sums/u);
    expect(git(repository, "branch", "--list", `ossaat/${result.plan.id}`)).toBe("");
  });

  test.each([
    ["calls the same again and again", { toolCalls: [wireCall("git_status")] }, "loop", 5],
    ["says the same again and again and does nothing", { content: "All done." }, "check_failed", 4],
  ])("%s: the step ends", async (_name, reply, reason, answers) => {
    speak(Array.from({ length: 10 }, (_, turnIndex) => ({ turnIndex, reply })));
    const result = await run(model);
    expect(ending(result)).toEqual([3, "failed", reason]);
    expect(ofType(result.events, "model.finished")).toHaveLength(answers);
  });
});
