import { symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

import { testStep } from "@ossaat/contracts/testing";
import type { ModelRequest, StreamEvent } from "@ossaat/providers";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Models } from "../provider/models.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";

let stack: AgentStack;

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
});
afterAll(() => stack.remove());

/** Lets the model's adapter say at each turn that it left something out of the request. */
function withWarnings(models: Models, warnings: string[]): Models {
  return {
    defaultRef: () => models.defaultRef(),
    async resolve(ref) {
      const resolved = await models.resolve(ref);
      const { provider } = resolved;
      async function* stream(request: ModelRequest): AsyncGenerator<StreamEvent> {
        for await (const event of provider.stream(request))
          yield event.type === "start" ? { ...event, warnings } : event;
      }
      return { ...resolved, provider: { ...provider, stream } };
    },
  };
}

async function runPlan(warnings: string[] = []) {
  const write = { name: "write_file", input: { path: "src/a.ts", content: "2\n", overwrite: true } };
  const reply = { toolCalls: [write, { name: "finish", input: { summary: "Done." } }] };
  const model = stack.script([{ match: { agent: "code-writer" }, reply }]);
  const server = stack.process();
  server.deps.models = withWarnings(server.deps.models, warnings);
  const step = testStep("a", { envelope: { tools: ["write_file"], paths: ["src/a.ts"] } });
  const planId = await server.storePlan([step], { model });
  await server.run(planId);
  return server.state(planId);
}

test.each([
  ["a file", (place: string) => writeFileSync(place, "mine\n")],
  ["a link to another place", (place: string) => symlinkSync("/tmp", place)],
])(
  "a finished plan whose .plans is %s stays finished, and says that its evidence is not there",
  async (_name, make) => {
    const place = path.join(stack.repository, ".plans");
    make(place);
    const state = await runPlan();
    unlinkSync(place);
    expect({ status: state.status, problem: state.recordProblem, branch: state.branch }).toEqual({
      status: "succeeded",
      problem: expect.stringMatching(/\.plans/),
      branch: `ossaat/${state.id}`,
    });
    const evidence = JSON.parse(await stack.engine.artifacts.get(state.evidenceRef!)) as { status: string };
    expect(evidence.status).toBe("succeeded");
  },
);

test("a finished plan that could be recorded names no problem", async () => {
  const state = await runPlan();
  expect([state.status, state.recordProblem]).toEqual(["succeeded", undefined]);
});

test("the evidence says what was left out of requests to the model, each once", async () => {
  const warned = await runPlan(["temperature was dropped", "temperature was dropped"]);
  const plain = await runPlan();
  const warningsOf = async (ref: string | undefined) =>
    (JSON.parse(await stack.engine.artifacts.get(ref!)) as { modelWarnings: string[] }).modelWarnings;
  expect([await warningsOf(warned.evidenceRef), await warningsOf(plain.evidenceRef)]).toEqual([
    ["temperature was dropped"],
    [],
  ]);
});
