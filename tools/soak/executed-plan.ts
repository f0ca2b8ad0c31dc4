// A plan that is approved and carried out: model turns from a script, a file, a command in the
// sandbox, a commit and a branch.
import { writeFileSync } from "node:fs";
import path from "node:path";

import { Step } from "../../packages/contracts/src/index.ts";
import type { BenchServer } from "../bench/server-process.ts";

/** Time in which it ends, ms: a machine under load takes long. */
const longestMs = 120_000;

const call = (name: string, input: object) => ({ name, input });
const usage = { inputTokens: 100, outputTokens: 10, costUsd: 0.001 };

const draft = {
  summary: "A first idea.",
  successCriteria: ["It is done."],
  steps: [
    { id: "draft", title: "Do it", files: ["notes/soak.txt"], summary: "Do it.", rationale: "It was asked for." },
  ],
};

const step = Step.parse({
  id: "work",
  title: "Write a note",
  action: "apply_changes",
  tool: "code_writer",
  agent: "code-writer",
  needs: [],
  capability: "repo.write",
  capabilityLabel: "",
  envelope: {
    tools: ["write_file", "run_command"],
    paths: ["notes/soak.txt"],
    commands: ["true"],
    effect: "idempotent",
  },
  files: ["notes/soak.txt"],
  successCheck: { kind: "changes" },
});

/** Writes the model's replies. @returns the model to name in a plan */
export function writeSoakModel(folder: string): string {
  const file = path.join(folder, "soak-model.json");
  const of = (turn: number, ...toolCalls: object[]) => ({
    match: { agent: "code-writer", step: "work", turn },
    reply: { usage, toolCalls },
  });
  const replies = [
    { match: { agent: "planner" }, reply: { usage, toolCalls: [call("propose_plan", draft)] } },
    of(1, call("write_file", { path: "notes/soak.txt", content: "A note.\n", overwrite: true })),
    of(2, call("run_command", { argv: ["true"] })),
    of(3, call("finish", { summary: "Done.", findings: [] })),
  ];
  writeFileSync(file, JSON.stringify({ schemaVersion: 1, replies }));
  return `scripted:${file}`;
}

/** Runs one from its goal to its branch. @throws Error when it does not succeed */
export async function runPlan(
  { client }: BenchServer,
  { repository, model, goal }: { repository: string; model: string; goal: string },
): Promise<void> {
  const { id } = await client.createPlan({ goal, repository: { path: repository }, model });
  let isEdited = false;
  for await (const item of client.watchPlan(id, { signal: AbortSignal.timeout(longestMs) })) {
    if (item.kind !== "state") continue;
    const { event } = item;
    if (event.type === "plan.proposed") {
      const { plan, planHash = "" } = await client.getPlan(id);
      if (plan === undefined) throw new Error(`plan ${id} was proposed without steps`);
      if (isEdited) await client.decidePlan(id, { decision: "approve", planHash });
      else await client.editPlan(id, { basePlanHash: planHash, plan: { ...plan, steps: [step] } });
      isEdited = true;
    }
    if (event.type === "plan.finished") {
      if (event.data.status === "succeeded") return;
      throw new Error(`plan ${id} ended as ${event.data.status}: ${event.data.message ?? ""}`);
    }
  }
  throw new Error(`plan ${id} did not end`);
}
