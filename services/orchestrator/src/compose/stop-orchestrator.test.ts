// What a stop does while something takes long.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";

import { testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { eventsOf, statusesOf } from "../testing/look.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createOrchestrator } from "./orchestrator.ts";

const settingsOf = ({ engine }: AgentStack) => ({
  sandbox: "none" as const,
  internalKey: new Uint8Array(32).fill(7),
  version: "1.2.3",
  stateDir: engine.folder,
  providerKeys: [],
});

test("a step that runs is told at once that its server stops, whatever a sweep still does", async () => {
  const stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
  const [sweeping, swept] = [Promise.withResolvers<void>(), Promise.withResolvers<{ planIds: string[] }>()];
  const [opening, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const planId = await stack.process().storePlan([testStep("a")], { model: stack.script([]) });
  const orchestrator = createOrchestrator({
    ...stack.engine,
    ...stack.parts,
    workspaces: {
      ...stack.parts.workspaces,
      listKept() {
        sweeping.resolve();
        return swept.promise;
      },
      async open(request, options) {
        const { signal } = options ?? {};
        if (signal === undefined) throw new Error("a step cannot be stopped");
        opening.resolve();
        await once(signal, "abort");
        told.resolve();
        return stack.parts.workspaces.open(request, options);
      },
    },
    keepTreesMs: 0,
    ...settingsOf(stack),
  });
  await orchestrator.start();
  await sweeping.promise;
  await opening.promise;
  const stopped = orchestrator.stop();
  await told.promise;
  swept.resolve({ planIds: [] });
  await stopped;
  const steps = await stack.engine.store.read
    .selectFrom("step")
    .select("status")
    .where("plan_id", "=", planId)
    .execute();
  expect(steps).toEqual([{ status: "ready" }]);
  await stack.remove();
});

test("an effect that may happen once and is cut by the stop waits for a person, whatever starts next", async () => {
  const program =
    'require("node:fs").appendFileSync(process.argv[2], "x"); console.log("on"); setInterval(() => 0, 1e6);';
  const stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n", "effect.cjs": program } });
  const { tools } = stack.parts;
  const file = path.join(stack.engine.folder, "effect");
  const call = { name: "run_command", input: { argv: ["node", "effect.cjs", file], cwd: "." } };
  const model = stack.script(
    [1, 2].map((turn) => ({ match: { agent: "code-writer", turn }, reply: { toolCalls: [call] } })),
  );
  const envelope = { tools: ["run_command"], commands: ["node"], effect: "once" as const };
  const planId = await stack.process().storePlan([testStep("a", { envelope })], { model });
  const begun = Promise.withResolvers<void>();
  const open = () =>
    createOrchestrator({
      ...stack.engine,
      ...stack.parts,
      tools: {
        ...tools,
        async *execute(invocation, options) {
          for await (const event of tools.execute(invocation, options)) {
            if (event.state === "running" && event.chunk !== undefined) begun.resolve();
            yield event;
          }
        },
      },
      ...settingsOf(stack),
    });
  const first = open();
  await first.start();
  await begun.promise;
  await first.stop();
  const next = open();
  await next.start();
  await next.stop();
  expect([await statusesOf(stack.engine, planId), readFileSync(file, "utf8")]).toEqual([
    { plan: "running", a: "needs_reconcile" },
    "x",
  ]);
  expect(stack.requests(planId)).toEqual(["a.1 started", "a.1 delivered"]);
  await stack.remove();
});

const writing = { name: "write_file", input: { path: "src/a.ts", content: "export const a = 2;\n", overwrite: true } };

test("a turn that is under way at a stop with time to finish is ended, and is not bought again", async () => {
  const stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
  const model = stack.script([
    { match: { agent: "code-writer", turn: 1 }, reply: { toolCalls: [writing], delayMs: 300 } },
    {
      match: { agent: "code-writer", turn: 2 },
      reply: { toolCalls: [{ name: "finish", input: { summary: "Done." } }] },
    },
  ]);
  const step = testStep("a", { envelope: { tools: ["read_file", "write_file"], paths: ["src/a.ts"] } });
  const planId = await stack.process().storePlan([step], { model });
  const open = () => createOrchestrator({ ...stack.engine, ...stack.parts, ...settingsOf(stack) });
  const first = open();
  await first.start();
  await waitUntil("the turn is asked for", () => stack.requests(planId).length > 0);
  await first.stop(60_000);
  expect(stack.requests(planId)).toEqual(["a.1 started", "a.1 delivered"]);
  expect(await statusesOf(stack.engine, planId)).toEqual({ plan: "running", a: "ready" });
  const told = (await eventsOf(stack.engine, planId)).filter((event) => /^(?:model|step)\./u.test(event));
  expect(told.slice(-2)).toEqual(["model.finished a", "step.released a"]);
  const next = open();
  await next.start();
  await waitUntil("the plan ends", async () => (await statusesOf(stack.engine, planId))["plan"] === "succeeded");
  await next.stop();
  expect(stack.requests(planId)).toEqual(["a.1 started", "a.1 delivered", "a.2 started", "a.2 delivered"]);
  await stack.remove();
});

test("what does not end in the time that a stop gives it is cut", async () => {
  const stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
  const call = { name: "run_command", input: { argv: ["sleep", "600"], cwd: "." } };
  const model = stack.script([{ match: { agent: "code-writer" }, reply: { toolCalls: [call] } }]);
  const envelope = { tools: ["run_command" as const], commands: ["sleep"] };
  const planId = await stack.process().storePlan([testStep("a", { envelope })], { model });
  const orchestrator = createOrchestrator({ ...stack.engine, ...stack.parts, ...settingsOf(stack) });
  await orchestrator.start();
  const isBegun = async () => (await eventsOf(stack.engine, planId)).includes("tool.started a");
  await waitUntil("the call begins", isBegun);
  await orchestrator.stop(200);
  expect(await statusesOf(stack.engine, planId)).toEqual({ plan: "running", a: "ready" });
  await stack.remove();
});
