import type { PlanEvent } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { retryPlan } from "../plan/retry-plan.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry, ServerProcess } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf } from "../testing/look.ts";
import { user } from "../testing/test-engine.ts";

const shared = "one\ntwo\nthree\n";

let stack: AgentStack;
let server: ServerProcess;
let planId: string;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "shared.txt": shared, "src/a.ts": "a\n", "src/b.ts": "b\n" } });
});
afterAll(() => stack.remove());

const write = (file: string, content: string) => ({
  name: "write_file",
  input: { path: file, content, overwrite: true },
});
const finish = { name: "finish", input: { summary: "Done." } };
const reply = (step: string, turn: number, ...toolCalls: { name: string; input: unknown }[]): ScriptEntry => ({
  match: { agent: "code-writer", step, turn },
  reply: { toolCalls },
});

const envelope = { tools: ["read_file", "write_file", "edit_file"], paths: ["**"] };
const steps = [
  testStep("a", { envelope }),
  testStep("b", { envelope }),
  testStep("join", { action: "merge", needs: ["a", "b"], envelope, successCheck: { kind: "merged" } }),
];

async function start(...entries: ScriptEntry[]) {
  server = stack.process();
  planId = await server.storePlan(steps, { model: stack.script(entries) });
  await server.run(planId);
}
const state = () => server.state(planId);
const eventTypes = async () => {
  const events: PlanEvent[] = await readEvents(stack.engine.store.read, planId);
  return events.filter(({ stepId }) => stepId === "join").map(({ type }) => type);
};
const show = (file: string) => stack.git("show", `ossaat/${planId}:${file}`);
const joined = async () => (await state()).steps.find(({ id }) => id === "join");

const conflicting = [
  reply("a", 1, write("shared.txt", "one\nTWO by a\nthree\n"), finish),
  reply("b", 1, write("shared.txt", "one\nTWO by b\nthree\n"), finish),
];

describe("a merge step", () => {
  test("joins parallel work without a model, one commit a step", async () => {
    await start(reply("a", 1, write("src/a.ts", "a2\n"), finish), reply("b", 1, write("src/b.ts", "b2\n"), finish));
    expect([(await state()).status, show("src/a.ts"), show("src/b.ts")]).toEqual(["succeeded", "a2\n", "b2\n"]);
    expect(stack.git("log", "--format=%s", `main..ossaat/${planId}`)).toBe("Do b\nDo a\n");
    expect((await eventTypes()).filter((type) => type.startsWith("model"))).toEqual([]);
    expect(await auditPlan(stack.engine, planId)).toEqual([]);
  });

  test("takes equal changes of both sides once", async () => {
    await start(reply("a", 1, write("src/a.ts", "same\n"), finish), reply("b", 1, write("src/a.ts", "same\n"), finish));
    expect([(await state()).status, show("src/a.ts")]).toEqual(["succeeded", "same\n"]);
  });

  test("lets the writer resolve a conflict, in the conflicting files only", async () => {
    await start(
      ...conflicting,
      reply("join", 1, write("src/a.ts", "sneaked in\n"), write("shared.txt", "one\nTWO by a and b\nthree\n")),
      reply("join", 2, finish),
    );
    expect((await joined())?.status).toBe("awaiting_approval");
    expect((await state()).approvals.at(-1)?.title).toBe("code-writer wants to write to src/a.ts");
  });

  test("resolved, goes on to a branch that keeps both intents", async () => {
    await start(...conflicting, reply("join", 1, write("shared.txt", "one\nTWO by a and b\nthree\n"), finish));
    expect([(await state()).status, show("shared.txt")]).toEqual(["succeeded", "one\nTWO by a and b\nthree\n"]);
    expect((await eventTypes()).filter((type) => type.startsWith("merge"))).toEqual([
      "merge.conflicted",
      "merge.finished",
    ]);
  });

  test("left with a marker, fails and says so; nothing is published", async () => {
    await start(...conflicting, reply("join", 1, finish));
    expect([(await joined())?.reason, (await state()).status, (await state()).branch]).toEqual([
      "merge_conflict",
      "failed",
      undefined,
    ]);
    expect(await auditPlan(stack.engine, planId)).toEqual([]);
  });

  test("killed in the middle of a resolution, goes on where it was", async () => {
    server = stack.process();
    const script = stack.script([
      ...conflicting,
      reply("join", 1, { name: "read_file", input: { path: "shared.txt" } }),
      reply("join", 2, write("shared.txt", "one\nTWO by a and b\nthree\n")),
      reply("join", 3, finish),
    ]);
    planId = await server.storePlan(steps, { model: script });
    for (const id of ["a", "b"]) {
      await server.run(planId, { once: true });
      expect((await state()).steps.find((step) => step.id === id)?.status).toBe("succeeded");
    }
    let kills = 0;
    for (; kills < 20 && (await joined())?.status !== "succeeded"; kills += 1) {
      const mortal = stack.process({ afterCommits: 7, when: kills % 2 === 0 ? "at once" : "at the next commit" });
      await mortal
        .start(600_000)
        .then(() => mortal.run(planId))
        .catch(() => undefined);
    }
    expect(kills).toBeGreaterThan(2);
    server = stack.process();
    await server.start(600_000);
    await server.run(planId);
    expect([(await state()).status, show("shared.txt")]).toEqual(["succeeded", "one\nTWO by a and b\nthree\n"]);
    const asked = stack.requests(planId).filter((line) => line.startsWith("join") && line.endsWith("started"));
    expect(asked).toEqual(["join.1 started", "join.2 started", "join.3 started"]);
    expect(await auditPlan(stack.engine, planId)).toEqual([]);
  });
});

test("a retry builds on commits of the plan it retries", async () => {
  const chain = [testStep("a", { envelope }), testStep("b", { needs: ["a"], envelope })];
  server = stack.process();
  const failing = { match: { agent: "code-writer", step: "b" }, reply: { text: "no", finishReason: "refusal" } };
  const model = stack.script([reply("a", 1, write("src/a.ts", "kept\n"), finish), failing]);
  planId = await server.storePlan(chain, { model });
  await server.run(planId);
  expect((await state()).status).toBe("failed");
  const good = stack.script([reply("b", 1, write("src/b.ts", "new\n"), finish)]);
  await stack.engine.store.tx((tx) => tx.updateTable("plan").set({ model: good }).where("id", "=", planId).execute());
  const old = await planRowOf(stack.engine, planId);
  ({ planId } = await retryPlan(stack.engine, { old, request: {}, actor: user }));
  await server.run(planId);
  expect([(await state()).status, show("src/a.ts"), show("src/b.ts"), stack.requests(planId)]).toEqual([
    "succeeded",
    "kept\n",
    "new\n",
    ["b.1 started", "b.1 delivered"],
  ]);
});
