// How many steps of a plan the server starts at once.
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Cli, Json } from "./run-ossaat.ts";
import { call, counterPlan, turns, writeScript } from "./script.ts";

/** Longest wait for a scripted answer on a busy machine, ms. */
const maxWaitMs = 60_000;

/** Runs a plan of two steps that need not wait for each other: how many have started before one is answered. */
export async function startedTogether(cli: Cli, repository: string): Promise<number> {
  const step = (id: string, file: string) => ({
    id,
    title: id,
    files: [file],
    summary: `Change ${file}.`,
    rationale: "",
  });
  const plan = { ...counterPlan, steps: [step("one", "src/sum.js"), step("two", "src/two.js")] };
  const model = await writeScript(path.join(cli.folder, "two.json"), [
    ...turns("planner", "plan.1", { toolCalls: [call("propose_plan", plan)] }),
    { match: { agent: "code-writer" }, reply: { text: "…", delayMs: 1_500 } },
  ]);
  const goal = "Let sum in src/sum.js add";
  const run = await cli.json(repository, ["run", goal, "--yes", "--detach", "--model", model]);
  const { id } = run.value.plan;
  const isOfOne = (event: Json, type: string) => event.type === type && ["one", "two"].includes(event.stepId);
  const until = performance.now() + maxWaitMs;
  for (;;) {
    const events: Json[] = (await cli.json(repository, ["logs", id])).value.events;
    const answered = events.findIndex((event) => isOfOne(event, "model.finished"));
    if (answered !== -1) {
      await cli.run(repository, ["cancel", id]);
      return events.slice(0, answered).filter((event) => isOfOne(event, "step.started")).length;
    }
    if (performance.now() > until) throw new Error(`no step was answered: ${JSON.stringify(events.slice(-3))}`);
    await sleep(100);
  }
}
