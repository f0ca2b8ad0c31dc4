// What a stop does while something takes long.
import { once } from "node:events";

import { testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import { createOrchestrator } from "./orchestrator.ts";

test("a step that runs is told at once that its server stops, whatever a sweep still does", async () => {
  const stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
  const [sweeping, swept] = [Promise.withResolvers<void>(), Promise.withResolvers<string[]>()];
  const [opening, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const planId = await stack.process().storePlan([testStep("a")], { model: stack.script([]) });
  const orchestrator = createOrchestrator({
    ...stack.engine,
    ...stack.parts,
    workspaces: {
      ...stack.parts.workspaces,
      async open(request, options) {
        const { signal } = options ?? {};
        if (signal === undefined) throw new Error("a step cannot be stopped");
        opening.resolve();
        await once(signal, "abort");
        told.resolve();
        return stack.parts.workspaces.open(request, options);
      },
    },
    retention: {
      keepMs: 0,
      plansWithTrees: () => {
        sweeping.resolve();
        return swept.promise;
      },
    },
    sandbox: "none",
    internalKey: new Uint8Array(32).fill(7),
    version: "1.2.3",
    stateDir: stack.engine.folder,
    providerKeys: [],
  });
  await orchestrator.start();
  await sweeping.promise;
  await opening.promise;
  const stopped = orchestrator.stop();
  await told.promise;
  swept.resolve([]);
  await stopped;
  const steps = await stack.engine.store.read
    .selectFrom("step")
    .select("status")
    .where("plan_id", "=", planId)
    .execute();
  expect(steps).toEqual([{ status: "ready" }]);
  await stack.remove();
});
