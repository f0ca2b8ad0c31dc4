// Repositories in which the examples of the help can run: each kind has a plan in the state that
// its commands are about.
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { makeRepository } from "./make-repository.ts";
import type { Cli, Json } from "./run-ossaat.ts";
import { call, counterFrame, counterPlan, counterScript, editSum, finish, turns, writeScript } from "./script.ts";
import type { ScriptEntry } from "./script.ts";

const goal = "Let sum in src/sum.js add";

export type World =
  | "configured"
  | "fresh"
  | "proposed"
  | "edited"
  | "request"
  | "running"
  | "paused"
  | "done"
  | "exported"
  | "buried"
  | "cancelled";

export type ExamplePlace = { folder: string; planId?: string; approvalId?: string; letterId?: string };

const draftPolicy = {
  schemaVersion: 1,
  rules: [{ effect: "ask", capabilities: ["repo.write"], maxCostUsd: 2 }],
};

const plans: ScriptEntry[] = [
  { match: { agent: "planner" }, reply: { toolCalls: [call("propose_plan", counterPlan)] } },
];

const writer = (delayMs: number, ...first: ScriptEntry["reply"][]) => [
  ...plans,
  ...counterFrame,
  ...turns("code-writer", "fix", ...first, { delayMs, toolCalls: [editSum] }, finish("Mended.")),
];

const scripts: Readonly<Record<"good" | "slow" | "asking", ScriptEntry[]>> = {
  good: [...plans, ...counterScript],
  slow: writer(6_000),
  asking: writer(0, { toolCalls: [call("run_command", { argv: ["node", "--version"] })] }),
};

const scriptOf = (world: World) =>
  world === "request" ? "asking" : ["running", "paused", "cancelled"].includes(world) ? "slow" : "good";

/** Puts a message of a plan among the dead letters; the server must not run. */
function buryMessage(stateDir: string, { id, planId }: { id: string; planId: string }): void {
  const envelope = { messageId: id, dedupeId: id, tenantId: "local", planId, stepId: "fix", attempt: 1 };
  const message = JSON.stringify({ ...envelope, pool: "default", kind: "agent", enqueuedAt: 1 });
  const database = new DatabaseSync(path.join(stateDir, "ossaat.db"));
  database
    .prepare("insert into dead_letter (id, tenant_id, pool, reason, message, at) values (?, ?, ?, ?, ?, ?)")
    .run(id, "local", "default", "it was too large", message, 1);
  database.close();
}

/** Brings a new repository to where the world begins. */
export async function makePlace(cli: Cli, world: World, name: string): Promise<ExamplePlace> {
  const folder = await makeRepository(path.join(cli.folder, "examples", name));
  await writeFile(path.join(folder, "goal.txt"), `${goal}\n`);
  await writeFile(path.join(folder, "draft.json"), JSON.stringify(draftPolicy));
  await writeScript(path.join(folder, "replies.json"), scripts[scriptOf(world)]);
  const run = async (...args: string[]): Promise<Json> => (await cli.json(folder, args)).value;
  if (world === "configured") await writeFile(path.join(folder, "ossaat.yaml"), "model: none\n");
  if (world === "fresh" || world === "configured") return { folder };
  const ready = ["proposed", "buried", "edited", "request", "running", "paused", "cancelled"].includes(world);
  const first = ready ? await run("plan", goal) : await run("run", goal, "--yes");
  const planId = first.plan.id as string;
  const letterId = randomUUID();
  const file = path.join(folder, ".plans", planId, "plan.json");
  switch (world) {
    case "edited": {
      const text = (await readFile(file, "utf8")).replace(counterPlan.summary, "sum subtracts, and must add.");
      await writeFile(file, text);
      await writeFile(path.join(folder, "plan.json"), text);
      break;
    }
    case "request": {
      const { plan } = await run("approve", planId, "--watch");
      return { folder, planId, approvalId: plan.approvals[0].approvalId };
    }
    case "buried":
      await cli.run(folder, ["down"]);
      buryMessage(cli.stateDir, { id: letterId, planId });
      return { folder, planId, letterId };
    case "running":
      await run("approve", planId);
      break;
    case "exported":
      await run("export", planId, "--file", path.join(folder, "plan.ossaat.tar"));
      break;
    case "paused":
      await run("approve", planId);
      await run("pause", planId);
      break;
    case "cancelled":
      await run("approve", planId);
      await run("cancel", planId);
      await cli.run(folder, ["watch", planId]);
      break;
    default:
  }
  return { folder, planId };
}

const worlds: Readonly<Record<string, World>> = {
  watch: "running",
  diff: "done",
  apply: "done",
  open: "done",
  undo: "done",
  approve: "proposed",
  deny: "proposed",
  edit: "edited",
  revise: "proposed",
  show: "done",
  logs: "done",
  replay: "done",
  cost: "done",
  context: "done",
  clean: "done",
  export: "done",
  import: "exported",
  cancel: "running",
  pause: "running",
  resume: "paused",
  policy: "done",
  "policy check": "done",
  "policy explain": "done",
  "policy replay": "done",
  "dlq show": "buried",
  "dlq requeue": "buried",
  "dlq drop": "buried",
  "config trust": "configured",
  "config untrust": "configured",
};

/** The world that an example of a command needs. */
export function worldOf(name: string, line: string): World {
  if (line.includes("approval-")) return "request";
  if (line.includes("dlq requeue") || line.includes("dlq drop")) return "buried";
  if (name === "retry") return line.includes("--from") ? "done" : "cancelled";
  if (name === "" && line.includes("approve")) return "proposed";
  return worlds[name] ?? "fresh";
}
