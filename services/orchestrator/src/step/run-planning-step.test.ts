import { readFileSync } from "node:fs";
import path from "node:path";

import { hashPlan } from "@ossaat/contracts";
import type { Plan, PlanEvent, PlanState } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptedReply, ServerProcess } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { noModels, user } from "../testing/test-engine.ts";

let stack: AgentStack;
let server: ServerProcess;
let planId: string;
beforeAll(async () => {
  stack = await openAgentStack({
    files: {
      "src/greet.ts": "export function greet() { return 'hi'; }\n",
      "src/part.ts": "export function part() { return 'bye'; }\n",
      "package.json": '{"name":"demo","scripts":{"test":"node --test"}}\n',
    },
  });
});
afterAll(() => stack.remove());

const draft = (changes: object = {}, ...steps: object[]) => ({
  summary: "Greet by name.",
  successCriteria: ["greet takes a name."],
  steps:
    steps.length > 0
      ? steps
      : [{ id: "edit", title: "Greet by name", summary: "Change greet.", files: ["src/greet.ts"] }],
  ...changes,
});
const step = (id: string, changes: object = {}) => ({
  id,
  title: `Do ${id}`,
  summary: "…",
  files: [`src/${id}.ts`],
  ...changes,
});
const propose = (input: unknown): ScriptedReply => ({ toolCalls: [{ name: "propose_plan", input }] });

async function plan(replies: readonly ScriptedReply[], request: { model?: string; agents?: string[] } = {}) {
  const model = stack.script(replies.map((reply, index) => ({ match: { agent: "planner", turn: index + 1 }, reply })));
  server = stack.process();
  planId = await server.create({ model, ...request });
  await server.run(planId);
  return server.state(planId);
}

const statusOf = ({ status, reason, message }: PlanState) => ({ status, reason, message });
/** What the planner was told about plans that were not accepted. */
const refusals = async () => {
  const events: PlanEvent[] = await readEvents(stack.engine.store.read, planId);
  return events.flatMap((event) => {
    if (event.type === "guidance.added") return [event.data.text];
    if (event.type !== "tool.finished" || event.data.tool !== "propose_plan") return [];
    return [(event.data.output["value"] as { text: string }).text];
  });
};
const turns = () => stack.requests(planId).filter((line) => line.endsWith("delivered")).length;

describe("a planner with a model", () => {
  test("hands in a plan that waits for its approval and is written as files", async () => {
    const state = await plan([propose(draft())]);
    expect([state.status, state.plan?.planner, state.plan?.model]).toEqual([
      "awaiting_approval",
      "model",
      { provider: "scripted", id: expect.any(String) },
    ]);
    expect(state.plan?.steps.map(({ id }): string => id)).toEqual(["edit", "test", "audit"]);
    const folder = path.join(stack.repository, ".plans", planId);
    const written = JSON.parse(readFileSync(path.join(folder, "plan.json"), "utf8")) as Plan;
    expect([written, hashPlan(written)]).toEqual([state.plan, state.planHash]);
    expect(readFileSync(path.join(folder, "plan.md"), "utf8")).toContain(`# Plan ${planId}`);
    expect(stack.git("status", "--porcelain")).toBe("");
  });

  test("may look around first", async () => {
    const state = await plan([
      {
        toolCalls: [
          { name: "read_file", input: { path: "src/greet.ts" } },
          { name: "list_files", input: {} },
        ],
      },
      propose(draft()),
    ]);
    expect([state.status, state.planning?.toolCalls]).toEqual(["awaiting_approval", 2]);
  });

  test("can change nothing and run nothing", async () => {
    const state = await plan([
      {
        toolCalls: [
          { name: "write_file", input: { path: "src/greet.ts", content: "x", overwrite: true } },
          { name: "run_command", input: { argv: ["true"] } },
        ],
      },
      propose(draft()),
    ]);
    const events: PlanEvent[] = await readEvents(stack.engine.store.read, planId);
    const summaries = events.flatMap((event) => (event.type === "tool.finished" ? [event.data.summary] : []));
    expect([state.status, summaries.map((text) => text.split(".")[0])]).toEqual([
      "awaiting_approval",
      ['There is no tool "write_file"', 'There is no tool "run_command"'],
    ]);
  });

  test.each([
    ["bare", JSON.stringify(draft())],
    ["fenced", `Here it is:\n\`\`\`json\n${JSON.stringify(draft())}\n\`\`\`\nDone.`],
  ])("may answer with %s JSON instead of the tool", async (_name, text) => {
    expect((await plan([{ text }])).status).toBe("awaiting_approval");
  });
});

describe("a plan that is not valid is sent back with the reasons", () => {
  test("words that are no JSON, then a wrong shape, then a good plan: two repairs are enough", async () => {
    const state = await plan([
      { text: "First I would look at greet." },
      propose({ summary: "x", steps: [{ id: "Bad Id" }], color: "blue" }),
      propose(draft()),
    ]);
    expect([state.status, turns()]).toEqual(["awaiting_approval", 3]);
    const [words, shape] = await refusals();
    expect(words).toBe("The answer is not JSON. Hand the plan in with the tool propose_plan.");
    for (const part of [
      "successCriteria",
      "lower-case letters, digits and -",
      "steps[0].title",
      'Unrecognized key: "color"',
    ])
      expect(shape).toContain(part);
  });

  test("a cycle, an unknown agent and a step without files", async () => {
    const state = await plan([
      propose(draft({}, step("greet", { needs: ["part"] }), step("part", { needs: ["greet"] }))),
      propose(draft({}, step("greet", { agent: "wizard" }), step("part", { files: [] }))),
      propose(draft()),
    ]);
    expect([state.status, await refusals()]).toEqual([
      "awaiting_approval",
      [
        "The plan is not sound: steps: steps form a cycle: greet, part.",
        'The plan is not sound: steps[0].agent: unknown agent "wizard"; steps[1].files: name at least one file or glob that the step changes.',
      ],
    ]);
  });

  test("three times is the end, and the last reasons are reported", async () => {
    const bad = propose(draft({}, step("greet", { needs: ["gone"] })));
    const state = await plan([bad, bad, bad, propose(draft())]);
    expect([statusOf(state), turns(), await auditPlan(stack.engine, planId)]).toEqual([
      {
        status: "failed",
        reason: "plan_invalid",
        message: 'the planner handed in no valid plan: The plan is not sound: steps[0].needs: unknown step "gone".',
      },
      3,
      [],
    ]);
  });

  test("a planner that only talks ends too", async () => {
    const state = await plan([{ text: "no" }, { text: "no" }, { text: "no" }, propose(draft())]);
    expect(statusOf(state)).toEqual({
      status: "failed",
      reason: "plan_invalid",
      message:
        "the planner handed in no valid plan: The answer is not JSON. Hand the plan in with the tool propose_plan.",
    });
  });
});

describe("the agents that may be used", () => {
  test("bound the plan: what needs others is left out or refused", async () => {
    const state = await plan([propose(draft())], { agents: ["code-writer"] });
    expect(state.plan?.steps.map(({ id }): string => id)).toEqual(["edit"]);
  });
});

describe("without a model", () => {
  test("the context planner proposes from the repository itself, and says so", async () => {
    server = stack.process();
    planId = await server.create({ model: "none", goal: "Rename greet to welcome" });
    await server.run(planId);
    const state = await server.state(planId);
    expect([state.status, state.plan?.planner, state.plan?.model, state.model]).toEqual([
      "awaiting_approval",
      "context",
      undefined,
      null,
    ]);
    expect(state.plan?.steps[0]?.files).toContain("src/greet.ts");
    const approve = { decision: "approve", planHash: state.planHash ?? "" } as const;
    await expect(
      decidePlan({ engine: stack.engine, models: noModels }, { planId, decision: approve, actor: user }),
    ).rejects.toMatchObject({ code: "conflict" });
  });
});

describe("another round", () => {
  test("starts from the person's words and the plan before", async () => {
    const model = stack.script([
      { match: { agent: "planner", step: "plan.1" }, reply: propose(draft()) },
      {
        match: { agent: "planner", step: "plan.2", contains: "A person asks for a change of the plan\nalso part" },
        reply: propose(draft({}, step("greet"), step("part"))),
      },
    ]);
    server = stack.process();
    planId = await server.create({ model, agents: ["code-writer"] });
    await server.run(planId);
    const decision = { decision: "revise", feedback: "also part" } as const;
    await decidePlan(server.deps, { planId, decision, actor: user });
    await server.run(planId);
    const state = await server.state(planId);
    expect([state.status, state.revision, state.plan?.steps.map(({ id }): string => id)]).toEqual([
      "awaiting_approval",
      2,
      ["greet-r2", "part-r2", "merge-r2"],
    ]);
    await server.approve(planId);
    expect((await server.state(planId)).status).toBe("pending");
  });
});
