import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import type { EventType, PlanEvent } from "@ossaat/contracts";
import { ApprovalDecision } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import type { StepInput } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { readEvents } from "../event/read-events.ts";
import { StepStopped } from "../job/worker.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry, ScriptedReply, ServerProcess } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { user } from "../testing/test-engine.ts";

let stack: AgentStack;
let server: ServerProcess;
let planId: string;

const files = { "src/a.ts": "export const a = 1;\n", "src/b.ts": "export const b = 1;\n", "package.json": "{}\n" };
const fullTools = ["list_files", "read_file", "search_text", "edit_file", "write_file", "run_command"];

type Call = { name: string; input?: unknown };
const calls = (...toolCalls: Call[]): ScriptedReply => ({ toolCalls });
const write = (file: string, content: string): Call => ({
  name: "write_file",
  input: { path: file, content, overwrite: true },
});
const finish = (summary = "Done."): Call => ({ name: "finish", input: { summary } });

/** Replies of the writer, turn by turn; of one step when it is named. */
const writer = (replies: readonly ScriptedReply[], step?: string): ScriptEntry[] =>
  replies.map((reply, index) => ({
    match: { agent: "code-writer", turn: index + 1, ...(step === undefined ? {} : { step }) },
    reply,
  }));

beforeAll(async () => {
  stack = await openAgentStack({ files });
});
afterAll(() => stack.remove());

/** Stores an approved plan whose first step is answered turn by turn, or by whole entries. */
async function start(
  replies: readonly ScriptedReply[] | { script: readonly ScriptEntry[] },
  steps: readonly StepInput[] = [{}],
) {
  const model = stack.script("script" in replies ? replies.script : writer(replies));
  server = stack.process();
  const ids = ["a", "b", "c"];
  const made = steps.map((input, index) =>
    testStep(ids[index]!, {
      ...(index === 0 ? {} : { needs: [ids[index - 1]!] }),
      ...input,
      envelope: { tools: fullTools, paths: [`src/${ids[index]!}.ts`], ...input.envelope },
    }),
  );
  planId = await server.storePlan(made, { model });
}

const run = () => server.run(planId);
/** Runs the first step only, without the end of the plan. */
const runStep = () => server.run(planId, { once: true });
const events = async <T extends EventType>(type: T) => {
  const all: PlanEvent[] = await readEvents(stack.engine.store.read, planId);
  return all.filter((event): event is Extract<PlanEvent, { type: T }> => event.type === type);
};
/** `tool state: first line` of each finished call. */
const callsOf = async () =>
  (await events("tool.finished")).map(({ data }) => `${data.tool} ${data.state}: ${data.summary}`);
const stepOf = async (index = 0) => {
  const { status, reason, message } = (await server.state(planId)).steps[index]!;
  return { status, reason, message };
};
const question = async () => {
  const { approvals } = await server.state(planId);
  const pending = approvals.find(({ status }) => status === "pending");
  if (pending === undefined) throw new Error("nothing is asked");
  return pending;
};
const answer = async (
  decision: { decision: "approve"; scope?: "once" | "step" | "run" } | { decision: "deny"; feedback: string },
) => {
  const { approvalId, requestHash } = await question();
  await decideApproval(stack.engine, {
    approvalId,
    tenantId: "local",
    decision: ApprovalDecision.parse({ ...decision, requestHash }),
    actor: user,
  });
};
const published = (file: string) => stack.git("show", `ossaat/${planId}:${file}`);
const delivered = () => stack.requests(planId).filter((line) => line.endsWith("delivered")).length;
const isSound = async () => expect(await auditPlan(stack.engine, planId)).toEqual([]);

describe("a step that goes well", () => {
  test("ends with one commit on a branch; the checkout is untouched", async () => {
    await start([
      calls({ name: "read_file", input: { path: "src/a.ts" } }),
      calls({ name: "edit_file", input: { path: "src/a.ts", oldText: "a = 1", newText: "a = 2" } }),
      calls(finish("Set a to 2.")),
    ]);
    await run();
    const state = await server.state(planId);
    expect([
      state.status,
      published("src/a.ts"),
      readFileSync(path.join(stack.repository, "src/a.ts"), "utf8"),
    ]).toEqual(["succeeded", "export const a = 2;\n", files["src/a.ts"]]);
    const log = stack.git("log", "--format=%s|%b", `main..ossaat/${planId}`).trim();
    expect(log).toBe(`Do a|Set a to 2.\n\nOssaat-Plan: ${planId}\nOssaat-Step: a\nOssaat-Agent: code-writer`);
    expect(stack.git("status", "--porcelain")).toBe("");
    await isSound();
  });

  test("several calls of a turn are done in order, and steps build on each other's commits", async () => {
    const script = [
      ...writer([calls(write("src/a.ts", "old\n"), write("src/a.ts", "new a\n"), finish())], "a"),
      ...writer([calls(write("src/b.ts", "new b\n"), finish())], "b"),
    ];
    await start({ script }, [{}, {}]);
    await run();
    expect([published("src/a.ts"), published("src/b.ts"), (await server.state(planId)).status]).toEqual([
      "new a\n",
      "new b\n",
      "succeeded",
    ]);
    expect(stack.git("rev-list", "--count", `main..ossaat/${planId}`).trim()).toBe("2");
  });
});

describe("what a model gets wrong", () => {
  test("words instead of work, an unknown tool and bad arguments come back to it as text", async () => {
    await start([
      { text: "I have changed the file, trust me." },
      calls({ name: "teleport", input: {} }),
      calls({ name: "write_file", input: { file: "src/a.ts" } }),
      calls(write("src/a.ts", "2\n")),
      calls(finish()),
    ]);
    await runStep();
    expect(await callsOf()).toEqual([
      `teleport failed: There is no tool "teleport". The tools are: list_files, read_file, search_text, edit_file, write_file, run_command.`,
      expect.stringMatching(/^write_file failed: The arguments of write_file are not valid:/),
      "write_file completed: Replaced src/a.ts (2 bytes).",
    ]);
    expect((await events("guidance.added")).map(({ data }) => [data.afterTurn, data.kind])).toEqual([
      [1, "check_failed"],
    ]);
    expect((await stepOf()).status).toBe("succeeded");
  });

  test("a claim to be done without a change is refused, and in the end the step fails with the reason", async () => {
    await start(Array.from({ length: 4 }, () => calls(finish("All done."))));
    await run();
    expect(await stepOf()).toEqual({
      status: "failed",
      reason: "check_failed",
      message: expect.stringMatching(/did not pass its check: .*No file has changed\./),
    });
    expect([delivered(), await server.state(planId)]).toMatchObject([
      4,
      { status: "failed", reason: "check_failed", branch: undefined },
    ]);
    await isSound();
  });

  test("the same call again and again is warned about and then ends the step", async () => {
    const look = calls({ name: "read_file", input: { path: "src/a.ts" } });
    await start(Array.from({ length: 8 }, () => look));
    await runStep();
    expect((await events("guidance.added")).map(({ data }) => [data.afterTurn, data.kind])).toEqual([
      [3, "loop"],
      [4, "loop"],
    ]);
    expect(await stepOf()).toEqual({
      status: "failed",
      reason: "loop",
      message: "the agent goes in circles: the last 5 calls were the same and gave the same result",
    });
  });

  test("an answer that was cut is never the end, also when it says so", async () => {
    await start([
      { ...calls(write("src/a.ts", "half\n"), finish("Half.")), finishReason: "length" },
      { text: "Let me think", finishReason: "pause" },
      calls(write("src/a.ts", "whole\n"), finish("Whole.")),
    ]);
    await run();
    expect([await callsOf(), (await events("guidance.added")).map(({ data }) => data.kind)]).toEqual([
      [
        "write_file completed: Replaced src/a.ts (5 bytes).",
        "finish cancelled: cut, not accepted",
        "write_file completed: Replaced src/a.ts (6 bytes).",
      ],
      ["pause"],
    ]);
    expect([(await stepOf()).status, published("src/a.ts")]).toEqual(["succeeded", "whole\n"]);
  });

  test("a refusal ends the step", async () => {
    await start([{ text: "I cannot do that.", finishReason: "refusal" }]);
    await runStep();
    expect(await stepOf()).toEqual({
      status: "failed",
      reason: "provider_failed",
      message: "the model refused: I cannot do that.",
    });
  });
});

describe("the walls", () => {
  test("nothing outside the working tree can be written or read, and nobody is asked about it", async () => {
    const outside = path.join("..", "..", "..", "escaped.txt");
    await start([
      calls(write(outside, "x"), write("/tmp/ossaat-escaped.txt", "x"), write(".git/hooks/pre-commit", "x")),
      calls({ name: "read_file", input: { path: "../../../../etc/passwd" } }),
      calls(write("src/a.ts", "2\n"), finish()),
    ]);
    await runStep();
    expect((await events("tool.finished")).map(({ data }) => data.state)).toEqual([
      "denied",
      "denied",
      "denied",
      "denied",
      "completed",
    ]);
    const rule = "outside_envelope";
    expect((await events("audit.denied")).map(({ data }) => [data.callId, data.tool, data.denials])).toEqual([
      [
        "1.0",
        "write_file",
        [{ layer: "policy", rule, what: "write to ../../../escaped.txt: the path leaves the workspace (..)" }],
      ],
      [
        "1.1",
        "write_file",
        [
          {
            layer: "policy",
            rule,
            what: "write to /tmp/ossaat-escaped.txt: the path is absolute; give it relative to the repository root",
          },
        ],
      ],
      [
        "1.2",
        "write_file",
        [{ layer: "policy", rule, what: "write to .git/hooks/pre-commit: git directories are out of reach" }],
      ],
      [
        "2.0",
        "read_file",
        [{ layer: "policy", rule, what: "read ../../../../etc/passwd: the path leaves the workspace (..)" }],
      ],
    ]);
    expect(await events("approval.requested")).toEqual([]);
    expect([existsSync("/tmp/ossaat-escaped.txt"), existsSync(path.join(stack.engine.folder, "escaped.txt"))]).toEqual([
      false,
      false,
    ]);
  });

  test("a tool that the envelope does not name is not offered", async () => {
    await start(
      [calls({ name: "run_command", input: { argv: ["true"] } }), calls(write("src/a.ts", "2\n"), finish())],
      [{ envelope: { tools: ["read_file", "write_file"] } }],
    );
    await runStep();
    expect((await callsOf())[0]).toBe(
      'run_command failed: There is no tool "run_command". The tools are: read_file, write_file.',
    );
    expect((await events("audit.denied")).map(({ data }) => data.denials)).toEqual([
      [{ layer: "policy", rule: "tool_not_offered", what: "use the tool run_command" }],
    ]);
  });
});

describe("a call outside the envelope", () => {
  const outside = [calls(write("src/b.ts", "other\n")), calls(write("src/a.ts", "2\n"), finish("Changed a."))];

  test("parks the step behind a durable question that shows the whole call", async () => {
    await start(outside);
    await runStep();
    expect((await stepOf()).status).toBe("awaiting_approval");
    expect(await question()).toMatchObject({
      kind: "call",
      stepId: "a",
      tool: "write_file",
      title: "code-writer wants to write to src/b.ts",
      diff: "+++ b/src/b.ts\n+other",
      reaches: { paths: ["src/b.ts"], hosts: [], secrets: [], reversible: true },
      rule: { tool: "write_file", commands: [], paths: ["src/b.ts"] },
      inputJson: JSON.stringify({ path: "src/b.ts", content: "other\n", overwrite: true }),
    });
    expect(stack.requests(planId)).toEqual(["a.1 started", "a.1 delivered"]);
  });

  test("approved, runs once, also in another process, and the step goes on", async () => {
    await start(outside);
    await run();
    await answer({ decision: "approve" });
    server = stack.process();
    await server.start();
    await run();
    expect([await callsOf(), (await server.state(planId)).status, published("src/b.ts")]).toEqual([
      ["write_file completed: Replaced src/b.ts (6 bytes).", "write_file completed: Replaced src/a.ts (2 bytes)."],
      "succeeded",
      "other\n",
    ]);
    expect(stack.requests(planId).filter((line) => line.endsWith("started"))).toEqual(["a.1 started", "a.2 started"]);
    await isSound();
  });

  test("approved under other rules is asked again: the answer named what it was shown", async () => {
    await start(outside);
    await runStep();
    await answer({ decision: "approve" });
    const { agents } = server.deps;
    const stricter = new Map(
      await agents.profiles({ path: stack.repository, commit: stack.git("rev-parse", "HEAD").trim() }),
    );
    const writerProfile = stricter.get("code-writer")!;
    stricter.set("code-writer", { ...writerProfile, approval_policy: { "test.run": "human_approval" } });
    server.deps.agents = { profiles: () => Promise.resolve(stricter) };
    await runStep();
    expect([(await stepOf()).status, (await events("approval.requested")).length, await callsOf()]).toEqual([
      "awaiting_approval",
      2,
      [],
    ]);
  });

  test("denied with words, is refused with these words and the agent finds another way", async () => {
    await start([outside[0]!, { ...outside[1]!, text: "Then I stay in a." }]);
    await run();
    await answer({ decision: "deny", feedback: "leave b alone" });
    await run();
    const [denied] = await events("tool.finished");
    expect([denied?.data.state, denied?.data.output]).toEqual([
      "denied",
      {
        value: {
          text: "A person denied this call. They said: leave b alone Do not try it again; find another way inside the envelope, or finish and say what is missing.",
        },
      },
    ]);
    expect([(await server.state(planId)).status, published("src/a.ts"), published("src/b.ts")]).toEqual([
      "succeeded",
      "2\n",
      files["src/b.ts"],
    ]);
    expect(stack.git("diff", "--name-only", `main..ossaat/${planId}`).trim()).toBe("src/a.ts");
  });

  test("approved once, is asked again for the next; approved for the run, is not", async () => {
    const again = (text: string) => calls(write("src/b.ts", text));
    await start([again("one\n"), again("two\n"), again("three\n"), calls(write("src/a.ts", "2\n"), finish())]);
    await run();
    await answer({ decision: "approve" });
    await run();
    await answer({ decision: "approve", scope: "run" });
    await run();
    const requested = await events("approval.requested");
    expect([requested.length, (await server.state(planId)).status, published("src/b.ts")]).toEqual([
      2,
      "succeeded",
      "three\n",
    ]);
  });
});

test("a step that is stopped in the middle of a model's answer asks again and then goes on", async () => {
  await start([{ ...calls(write("src/a.ts", "2\n"), finish()), delayMs: 50 }]);
  const stop = new AbortController();
  const off = stack.engine.bus.onLive(planId, () => stop.abort(new StepStopped("shutdown")));
  await expect(server.run(planId, { signal: stop.signal })).rejects.toThrow(/asked to stop|cancelled/);
  off();
  server = stack.process();
  await server.start();
  await run();
  expect([(await server.state(planId)).status, stack.requests(planId)]).toEqual([
    "succeeded",
    ["a.1 started", "a.1 started", "a.1 delivered"],
  ]);
});

test("a step whose own minutes are over ends, however long its time limit is", async () => {
  const minutes = { budget: { maxMinutes: 0.001 } };
  await start(
    [{ ...calls(write("src/a.ts", "2\n"), finish()), delayMs: 60_000 }],
    [{ timeoutSeconds: 50, envelope: minutes }],
  );
  await runStep();
  expect(await stepOf()).toEqual({ status: "failed", reason: "timeout", message: "the step took longer than 0.06 s" });
});
