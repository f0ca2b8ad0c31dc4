// Rules of policy files over a whole step: in the log, for the agent, for the platform's own calls,
// and at the commit.
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import type { PlanEventOf, SuccessCheck } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { readStepEvents } from "../event/read-events.ts";
import { replayDecisions } from "../policy/replay-decisions.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptedReply } from "../testing/agent-stack.ts";

/** Real tools and a real repository take their time on a busy machine. */
const slow = { timeout: 60_000 };

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "1\n", "make.mjs": write("src/made.ts") } });
});
afterEach(() => rmSync(adminFile(), { force: true }));
afterAll(() => stack.remove());

function write(name: string): string {
  return `import { writeFileSync } from "node:fs";\nwriteFileSync("${name}", "made");\n`;
}

const adminFile = () => path.join(stack.engine.folder, "admin-policy.json");
const setRules = (...rules: object[]) => writeFileSync(adminFile(), JSON.stringify({ rules }));
const edit = { name: "write_file", input: { path: "src/a.ts", content: "2\n", overwrite: true } };
const make = { name: "run_command", input: { argv: ["node", "make.mjs"] } };
const finish = { name: "finish", input: { summary: "Done." } };

async function runStep(successCheck: SuccessCheck, ...calls: NonNullable<ScriptedReply["toolCalls"]>) {
  const server = stack.process();
  const replies = [...calls, finish, finish, finish].map((call, index) => ({
    match: { agent: "code-writer", turn: index + 1 },
    reply: { toolCalls: [call] },
  }));
  const tools = ["read_file", "write_file", "run_command"];
  const step = testStep("a", {
    successCheck,
    envelope: { tools, paths: ["src/**"], commands: ["node make.mjs"] },
  });
  const planId = await server.storePlan([step], { model: stack.script(replies) });
  await server.run(planId);
  const events = await readStepEvents(stack.engine.store.read, planId, "a");
  const state = await server.state(planId);
  return { events, step: state.steps[0], planId };
}

const decided = (events: Awaited<ReturnType<typeof runStep>>["events"]) =>
  events
    .filter((event): event is PlanEventOf<"policy.decided"> => event.type === "policy.decided")
    .map(({ data }) => `${data.callId} ${data.tool} ${data.outcome}`);

test("every call is decided about before it starts, in the same breath", slow, async () => {
  const { events, step } = await runStep({ kind: "changes" }, edit);
  const types = events.map(({ type }) => type);
  expect([step?.status, decided(events), types[types.indexOf("tool.started") - 1]]).toEqual([
    "succeeded",
    ["1.0 write_file allow"],
    "policy.decided",
  ]);
});

test("a rule that asks parks the step behind a person, although the plan is approved", slow, async () => {
  setRules({ id: "ask-src", effect: "ask", paths: ["src/**"] });
  const { events, step } = await runStep({ kind: "changes" }, edit);
  const asked = events.find((event): event is PlanEventOf<"approval.requested"> => event.type === "approval.requested");
  expect([step?.status, decided(events), asked?.data.request.tool]).toEqual([
    "awaiting_approval",
    ["1.0 write_file ask"],
    "write_file",
  ]);
});

test("a file that a rule denies is not committed, whoever wrote it", slow, async () => {
  setRules({ id: "no-made", effect: "deny", paths: ["src/made.ts"] });
  const { events, step } = await runStep({ kind: "changes" }, make);
  const refused = events.find(
    (event): event is PlanEventOf<"tool.finished"> => event.type === "tool.finished" && event.data.tool === "finish",
  );
  expect([step?.status, JSON.stringify(refused?.data.output)]).toEqual([
    "failed",
    expect.stringMatching(/These files must not be changed: .*src\/made\.ts.*admin rule no-made/u) as string,
  ]);
});

test("a check that a rule denies is not run by the platform either", slow, async () => {
  setRules({ id: "no-make", effect: "deny", commands: ["node make.mjs"] });
  const { events, step } = await runStep({ kind: "command", argv: ["node", "make.mjs"] }, edit);
  expect([step?.status, step?.reason, events.filter(({ type }) => type === "tool.started").length]).toEqual([
    "failed",
    "policy",
    1,
  ]);
});

const replayUnder = (planId: string, rule: object) =>
  replayDecisions(
    {
      read: stack.engine.store.read,
      artifacts: stack.engine.artifacts,
      policies: stack.parts.policies,
      headOf: () => Promise.resolve(stack.git("rev-parse", "HEAD").trim()),
    },
    {
      tenantId: "local",
      request: { planId, candidate: { rules: { file: "try.json", text: JSON.stringify({ rules: [rule] }) } } },
    },
  );

test("hosts that a command asks for meet the rules, then and in a replay of what is recorded", slow, async () => {
  const reach = { name: "run_command", input: { argv: ["node", "make.mjs"], hosts: ["api.evil.example"] } };
  const noEvil = { id: "no-evil", effect: "deny", hosts: ["*.evil.example"] };
  const asked = await runStep({ kind: "changes" }, reach);
  const again = await replayUnder(asked.planId, noEvil);
  setRules(noEvil);
  const denied = await runStep({ kind: "changes" }, reach, edit);
  expect([
    asked.step?.status,
    decided(asked.events),
    again.changed.map(({ tool, before, after }) => [tool, before.outcome, after.outcome, after.deny[0]?.rule]),
    decided(denied.events),
  ]).toEqual([
    "awaiting_approval",
    ["1.0 run_command ask"],
    [["run_command", "ask", "deny", "no-evil"]],
    ["1.0 run_command deny", "2.0 write_file allow"],
  ]);
});

test("nothing is asked of a model while a policy file is broken", slow, async () => {
  writeFileSync(adminFile(), "{");
  const { step, planId } = await runStep({ kind: "changes" }, edit);
  expect([step?.status, step?.reason, step?.message, stack.requests(planId)]).toEqual([
    "failed",
    "policy",
    expect.stringMatching(/policy_unavailable.*admin-policy\.json:1/u) as string,
    [],
  ]);
});

test("a plan of another run mode asks no model: nothing of what it would answer could be done", slow, async () => {
  const server = stack.process();
  const model = stack.script([{ match: { agent: "code-writer" }, reply: { toolCalls: [edit] } }]);
  const planId = await server.storePlan([testStep("a", { envelope: { tools: ["write_file"], paths: ["src/**"] } })], {
    model,
  });
  const { options_json: options } = await stack.engine.store.read
    .selectFrom("plan")
    .select("options_json")
    .where("id", "=", planId)
    .executeTakeFirstOrThrow();
  const other = JSON.stringify({ ...(JSON.parse(options) as object), runMode: "enterprise" });
  await stack.engine.store.tx((tx) =>
    tx.updateTable("plan").set({ options_json: other }).where("id", "=", planId).execute(),
  );
  await server.run(planId);
  const [step] = (await server.state(planId)).steps;
  expect([step?.status, step?.reason, stack.requests(planId)]).toEqual(["failed", "policy", []]);
  expect(step?.message).toContain("made in run mode enterprise and the server runs in consumer");
});
