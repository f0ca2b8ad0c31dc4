// What a person sees with --trace: one plan is one trace, and nothing of its content is in it.
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

import type { SpanLine } from "@ossaat/telemetry";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterFrame, editSum, finish, turns, writeScript } from "./testing/script.ts";

const secret = "canary-secret-of-the-environment";

/** The words of the goal, of an answer, of a file and of a command line. */
const content = ["CANARY-GOAL", "CANARY-ANSWER", "subtracts", "return a", "CANARY-ARGV"];

const replies = [
  ...counterFrame,
  ...turns(
    "code-writer",
    "fix",
    { text: `CANARY-ANSWER ${secret}`, toolCalls: [{ name: "read_file", input: { path: "src/sum.js" } }] },
    { toolCalls: [editSum, { name: "search_text", input: { pattern: "CANARY-ARGV" } }] },
    finish("Mended."),
  ),
];

const hasSandbox = spawnSync("bwrap", ["--version"]).status === 0;

describe.skipIf(!hasSandbox)("--trace (the run needs bubblewrap)", () => {
  let cli: Cli;
  let file: string;
  let plan: Json;
  let events: Json[];
  let spans: SpanLine[];
  let text: string;

  beforeAll(async () => {
    cli = await createCli({ OPENAI_API_KEY: secret });
    const repository = await makeRepository(path.join(cli.folder, "repository"));
    const model = await writeScript(path.join(cli.folder, "script.json"), replies);
    file = path.join(cli.folder, "trace.jsonl");
    const goal = "CANARY-GOAL: let sum in src/sum.js add";
    const run = await cli.json(repository, ["run", goal, "--yes", "--model", model, "--trace", file]);
    plan = run.value.plan;
    events = (await cli.json(repository, ["logs", plan.id])).value.events;
    await cli.run(repository, ["down"]);
    text = readFileSync(file, "utf8");
    spans = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as SpanLine);
  });

  afterAll(() => cli.close());

  const ofPlan = () => spans.filter((span) => span.attributes["ossaat.plan.id"] === plan.id);
  const called = (name: string) => ofPlan().filter((span) => span.name === name);
  const parentOf = (span: SpanLine) => spans.find(({ spanId }) => spanId === span.parentSpanId);

  test("the run succeeds, and the file is its owner's alone", () => {
    expect(plan.status).toBe("succeeded");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("request, plan, steps, model turns and tools are one tree", () => {
    const [creation] = called("create_plan");
    expect(parentOf(creation as SpanLine)?.name).toBe("POST /plans");
    const steps = ofPlan().filter(({ name }) => name.startsWith("step "));
    expect(steps.map(({ attributes }) => attributes["ossaat.step.id"])).toEqual([
      "plan.1",
      "fix",
      "test",
      "audit",
      "plan.finish",
    ]);
    for (const step of steps) {
      const taken = parentOf(step);
      expect([taken?.name, taken?.parentSpanId]).toEqual(["process ossaat.jobs.default", creation?.spanId]);
    }
    const work = ofPlan().filter(({ name }) => /^(?:chat|execute_tool) /.test(name));
    for (const span of work) {
      const parent = parentOf(span);
      expect([parent?.name, parent?.attributes["ossaat.step.id"]]).toEqual([
        expect.stringMatching(/^step /),
        span.attributes["ossaat.step.id"],
      ]);
      expect(span.traceId).toBe(creation?.traceId);
    }
    expect(work.filter(({ kind }) => kind === "client")).toHaveLength(8);
    expect(called("execute_tool read_file")).toHaveLength(1);
  });

  test("a model turn has its tokens and its cost, a tool its exit code", () => {
    const [turn] = ofPlan().filter((span) => span.attributes["gen_ai.agent.name"] === "code-writer");
    expect(turn?.attributes).toMatchObject({
      "gen_ai.provider.name": "scripted",
      "gen_ai.usage.input_tokens": 1_000,
      "gen_ai.usage.output_tokens": 100,
      "ossaat.cost_usd": 0.01,
      "ossaat.scripted": true,
    });
    expect(called("execute_tool run_tests").map(({ attributes }) => attributes["ossaat.tool.exit_code"])).toContain(0);
  });

  test("events of the plan's work name its trace", () => {
    const traceId = called("create_plan")[0]?.traceId;
    const byWorkers = events.filter((event) => event.actor.kind === "worker");
    expect(byWorkers.length).toBeGreaterThan(20);
    expect(new Set(byWorkers.map((event) => event.traceId))).toEqual(new Set([traceId]));
    expect(events.filter((event) => event.traceId === undefined)).toEqual([]);
  });

  test("neither content nor secrets are in the spans, and no secret in the log", () => {
    for (const words of [...content, secret]) expect(text).not.toContain(words);
    const log = readFileSync(path.join(cli.stateDir, "server.log"), "utf8");
    expect(log).toContain('"msg":"ossaat is up"');
    expect(log).not.toContain(secret);
  });

  test("health checks are not traced", () => {
    expect(spans.filter(({ name }) => name.includes("healthz"))).toEqual([]);
  });
});

test("a trace file that cannot be written is said at once", async () => {
  const cli = await createCli();
  const repository = await makeRepository(path.join(cli.folder, "repository"));
  const { code, stderr } = await cli.run(repository, ["runs", "--trace", "/no/such/folder/trace.jsonl"]);
  expect(code).not.toBe(0);
  expect(stderr).toContain("The trace file /no/such/folder/trace.jsonl cannot be written.");
  await cli.close();
});

test("without --trace nothing is traced, and events carry no trace id", async () => {
  const cli = await createCli();
  const repository = await makeRepository(path.join(cli.folder, "repository"));
  const planned = await cli.json(repository, ["plan", "Let sum in src/sum.js add", "--model", "none"]);
  expect(planned).toMatchObject({ code: 0 });
  const { events } = (await cli.json(repository, ["logs", planned.value.plan.id])).value;
  expect(events.filter((event: Json) => event.traceId !== undefined)).toEqual([]);
  expect(readdirSync(cli.folder).filter((name) => name.includes("trace"))).toEqual([]);
  await cli.close();
});
