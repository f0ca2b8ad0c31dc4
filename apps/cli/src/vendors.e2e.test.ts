// The main job over the vendors' real wires, against a third-party server that speaks them.
import path from "node:path";

import { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterPlan } from "./testing/script.ts";

const goal = "Let sum in src/sum.js add";

/** Answers each agent's turns in order, as `script.ts` does for the scripted model. */
async function startVendor(): Promise<LLMock> {
  const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  const call = (name: string, input: unknown = {}) => ({ name, arguments: JSON.stringify(input) });
  const agents: Record<string, { name: string; arguments: string }[][]> = {
    planner: [[call("read_file", { path: "src/sum.js" })], [call("propose_plan", counterPlan)]],
    "code-writer": [
      [call("edit_file", { path: "src/sum.js", oldText: "a - b", newText: "a + b" })],
      [call("run_tests")],
      [call("finish", { summary: "sum adds; the tests pass." })],
    ],
    tester: [[call("run_tests")], [call("finish", { summary: "All tests pass.", findings: [] })]],
    auditor: [[call("git_diff")], [call("finish", { summary: "Accepted.", findings: [] })]],
  };
  for (const [agent, replies] of Object.entries(agents)) {
    replies.forEach((toolCalls, turnIndex) => {
      mock.on({ systemMessage: `You are the agent ${agent}.`, turnIndex }, { toolCalls });
    });
  }
  await mock.start();
  return mock;
}

describe("over the wire of", () => {
  let cli: Cli;
  let mock: LLMock;

  beforeAll(async () => {
    mock = await startVendor();
    cli = await createCli({
      OPENAI_API_KEY: "test-key-openai",
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: "test-key-anthropic",
      ANTHROPIC_BASE_URL: mock.url,
    });
  });

  afterAll(async () => {
    await cli.close();
    await mock.stop();
  });

  test.each([
    ["openai", "openai/gpt-local"],
    ["anthropic", "anthropic/claude-local"],
  ])("%s a goal becomes a branch whose tests ran in the sandbox", async (name, model) => {
    const repository = await makeRepository(path.join(cli.folder, name));
    const run = await cli.json(repository, ["run", goal, "--model", model, "--yes"]);
    expect(run.code, run.stderr).toBe(0);
    const { plan } = run.value;
    expect(plan).toMatchObject({ status: "succeeded", scripted: false, model });
    expect(git(repository, "show", `${plan.branch}:src/sum.js`)).toContain("return a + b;");
    const events = (await cli.json(repository, ["logs", plan.id])).value.events;
    const tests = events.filter(({ type, data }: Json) => type === "tool.finished" && data.tool === "run_tests");
    expect(tests.map(({ data }: Json) => [data.state, data.exitCode, data.unsandboxed ?? false])).toEqual([
      ["completed", 0, false],
      ["completed", 0, false],
    ]);
    const turns = events.filter(({ type }: Json) => type === "model.finished");
    expect(turns.every(({ data }: Json) => data.provider === name && !data.scripted)).toBe(true);
    // The address is not the vendor's own, so a price would be a guess.
    expect(plan.spend).toMatchObject({ turns: 9, unknownCostTurns: 9, costUsd: 0 });
  });

  test("a server that counts no tokens meets the cap on tokens, by an estimate that is said", async () => {
    // The mock answers this wire with 0 tokens in and 0 out.
    const repository = await makeRepository(path.join(cli.folder, "uncounted"));
    const limits = ["--yes", "--max-tokens", "24000"];
    const run = await cli.json(repository, ["run", goal, "--model", "anthropic/claude-local", ...limits]);
    expect(run.code, run.stderr).toBe(8);
    const { plan } = run.value;
    expect([plan.reason, plan.spend.unknownCostTurns]).toEqual(["budget", plan.spend.turns]);
    const events: Json[] = (await cli.json(repository, ["logs", plan.id])).value.events;
    const turns = events.filter(({ type }) => type === "model.finished").map(({ data }) => data);
    expect(turns.length).toBeGreaterThan(0);
    expect(turns.length).toBeLessThan(9);
    for (const turn of turns) {
      expect(turn.tokens).toBeGreaterThan(100);
      expect(turn.warnings).toContainEqual(expect.stringContaining("the server counted no tokens"));
    }
  });

  test("a wrong key ends the run with the vendor's reason and the next step", async () => {
    const { createServer } = await import("node:http");
    const refusing = createServer((_request, response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "Incorrect API key provided", type: "invalid_request_error" } }));
    });
    await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
    const { port } = refusing.address() as { port: number };
    const own = await createCli({ OPENAI_API_KEY: "wrong-key", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` });
    try {
      const repository = await makeRepository(path.join(own.folder, "repository"));
      const run = await own.json(repository, ["run", goal, "--model", "openai/gpt-local", "--yes"]);
      expect(run.code).toBe(3);
      expect(run.value.plan).toMatchObject({ status: "failed", reason: "provider_failed" });
      expect(run.value.plan.message).toMatch(/key/i);
      expect(run.stdout + run.stderr).not.toContain("wrong-key");
    } finally {
      await own.close();
      refusing.close();
    }
  });
});
