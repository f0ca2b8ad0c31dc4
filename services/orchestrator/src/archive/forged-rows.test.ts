// What a forger would gain most by: approvals, steps and needs that the events do not tell of.
import { createWriteStream, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";

import { ApprovalDecision, PlanId, hashStep } from "@ossaat/contracts";
import type { SealedPlan } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ServerProcess } from "../testing/agent-stack.ts";
import { editRows, editStory, forgeArchive } from "../testing/forge-archive.ts";
import type { Forge } from "../testing/forge-archive.ts";
import { planOptions, storeProposal, user } from "../testing/test-engine.ts";
import { checkArchive } from "./check-archive.ts";
import { exportPlan } from "./export-plan.ts";
import type { ArchiveDeps } from "./export-plan.ts";
import { importPlan } from "./import-plan.ts";

let folder: string;
let from: AgentStack;
/** Takes nothing, ever. */
let blank: AgentStack;

const depsOf = ({ engine, parts }: AgentStack): ArchiveDeps => ({
  engine,
  workspaces: parts.workspaces,
  version: "1.2.3",
  spoolDir: engine.folder,
});

async function exportTo(stack: AgentStack, id: string, name: string): Promise<string> {
  const exported = await exportPlan(depsOf(stack), { planId: id, tenantId: "local" });
  const file = path.join(folder, name);
  await pipeline(exported.archive, createWriteStream(file));
  await exported.remove();
  return file;
}

const forged = (name: string, source: string, forge: Forge) =>
  forgeArchive(source, path.join(folder, `forged-${name}.tar`), { forge });

/** Nothing was approved yet. */
let proposed: string;
/** The start of step c was granted once, that of d denied. */
let answered: string;
/** Step g has run. */
let ran: string;
const asking = (id: string, needs: string[] = []) =>
  testStep(id, { needs, approvalRequired: true, envelope: { tools: ["read_file"] } });

type Decided = { stepId: string; decision: "approve" | "deny" };

const decide = async (server: ServerProcess, id: string, { stepId, decision }: Decided) => {
  const { approvals } = await server.state(id);
  const { approvalId, requestHash } = approvals.find((asked) => asked.stepId === stepId)!;
  const parsed = ApprovalDecision.parse({ decision, requestHash });
  await decideApproval(from.engine, { approvalId, tenantId: "local", decision: parsed, actor: user });
};

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-forged-"));
  from = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
  blank = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
  const commit = from.git("rev-parse", "HEAD").trim();
  const planned = PlanId.parse(`plan-${from.engine.ids.uuid()}`);
  const waiting = testPlan([asking("e")], { id: planned, repository: { commit, branch: "main" } });
  const options = planOptions();
  const repository = { ...options.repository, path: from.repository, baseCommit: commit };
  await storeProposal(from.engine, waiting, { ...options, repository });
  proposed = await exportTo(from, planned, "proposed.tar");
  const model = from.script([]);
  const server = from.process();
  const id = await server.storePlan([asking("c"), asking("d"), asking("f", ["c"])], { model });
  await server.run(id);
  await decide(server, id, { stepId: "c", decision: "approve" });
  await decide(server, id, { stepId: "d", decision: "deny" });
  answered = await exportTo(from, id, "answered.tar");
  const input = { path: "src/g.ts", content: "export const g = 1;\n", overwrite: true };
  const usage = { inputTokens: 9, outputTokens: 1 };
  const writing = from.script([
    {
      match: { agent: "code-writer", step: "g", turn: 1 },
      reply: { toolCalls: [{ name: "write_file", input }], usage },
    },
    {
      match: { agent: "code-writer", step: "g", turn: 2 },
      reply: { toolCalls: [{ name: "finish", input: { summary: "Done." } }], usage },
    },
  ]);
  const changes = testStep("g", { envelope: { tools: ["read_file", "write_file"], paths: ["src/g.ts"] } });
  const other = await server.storePlan([changes, asking("h", ["g"])], { model: writing });
  await server.run(other);
  ran = await exportTo(from, other, "ran.tar");
});

afterAll(async () => {
  await from.remove();
  await blank.remove();
  rmSync(folder, { recursive: true, force: true });
});

const approvalOf = (approvals: Record<string, unknown>[], step: string) =>
  approvals.find((row) => row["step_id"] === step)!;
const hashesOf = (plan: Record<string, unknown>): [string, string][] =>
  (JSON.parse(String(plan["def_json"])) as SealedPlan).steps.map((step) => [step.id, hashStep(step)]);

test("is taken when nothing was forged", async () => {
  for (const [source, status] of [
    [proposed, "awaiting_approval"],
    [answered, "pending"],
    [ran, "running"],
  ] as const) {
    const { manifest } = await checkArchive(await forged(status, source, () => undefined));
    expect(manifest.status).toBe(status);
  }
});

test.each<[string, "proposed" | "answered" | "ran", Forge]>([
  [
    "a denied request that was granted for the run",
    "answered",
    editRows(({ approvals }) => Object.assign(approvalOf(approvals, "d"), { status: "granted", scope: "run" })),
  ],
  [
    "a grant for the run that was one for once",
    "answered",
    editRows(({ approvals }) => (approvalOf(approvals, "c")["scope"] = "run")),
  ],
  [
    "a decision by somebody else",
    "answered",
    editRows(({ approvals }) => (approvalOf(approvals, "c")["decided_by"] = "mallory")),
  ],
  [
    "a request for another call",
    "answered",
    editRows(({ approvals }) => {
      const row = approvalOf(approvals, "c");
      const request = JSON.parse(String(row["request_json"])) as object;
      const inputJson = JSON.stringify({ argv: ["rm", "-rf", "."] });
      row["request_json"] = JSON.stringify({ ...request, tool: "run_command", inputJson });
    }),
  ],
  [
    "an approval that no event tells of",
    "answered",
    editRows(({ approvals }) => approvals.push({ ...approvals[0]!, id: "approval-00000000000000ff" })),
  ],
  ["an approval that is missing", "answered", editRows(({ approvals }) => approvals.shift())],
  [
    "a step approved that was only proposed",
    "proposed",
    editRows(({ plan }) => (plan["approved_json"] = JSON.stringify(Object.fromEntries(hashesOf(plan))))),
  ],
  [
    "a step approved as another",
    "answered",
    editRows(({ plan }) => {
      const hashes = hashesOf(plan);
      const turned = hashes.map(([id], index) => [id, hashes[(index + 1) % hashes.length]![1]]);
      plan["approved_json"] = JSON.stringify(Object.fromEntries(turned));
    }),
  ],
  ["a step that is missing", "answered", editRows(({ steps }) => steps.splice(0, 1))],
  [
    "a step that was never proposed",
    "answered",
    editRows(({ steps }) => steps.push({ ...steps[0]!, step_id: "z", status: "succeeded" })),
  ],
  ["a step that waits for nobody", "answered", editRows((rows) => (rows.needs = []))],
  ["a pool of its own", "answered", editRows(({ steps }) => (steps[0]!["pool"] = "elsewhere"))],
  [
    "an attempt that nobody began",
    "answered",
    editRows(({ steps, attempts }) => {
      const { plan_id: planId, step_id: stepId, attempt } = steps.find(({ status }) => status === "ready")!;
      const times = { started_at: 1, heartbeat_at: 1, ended_at: null, outcome: null, error_code: null };
      attempts.push({ plan_id: planId, step_id: stepId, attempt, fence: 1, worker: "w", traceparent: null, ...times });
    }),
  ],
  ["an attempt that is missing", "ran", editRows(({ attempts }) => attempts.pop())],
  ["an attempt of another worker", "ran", editRows(({ attempts }) => (attempts[0]!["worker"] = "mallory"))],
  [
    "a number that was used already",
    "answered",
    editRows(({ steps }) => (steps.find(({ status }) => status === "ready")!["attempt"] = 0)),
  ],
  [
    "a number far ahead",
    "answered",
    editRows(({ steps }) => (steps.find(({ status }) => status === "ready")!["attempt"] = 1_000)),
  ],
  [
    "a number that a revision of nobody makes room for",
    "answered",
    editRows(({ plan, steps }) => {
      plan["revision"] = 1_000;
      steps.find(({ status }) => status === "ready")!["attempt"] = 1_000;
    }),
  ],
  [
    "a number far ahead of the attempt before, which is as far ahead",
    "ran",
    editStory(({ steps, attempts }, events) => {
      const far = 2 ** 29;
      const [attempt] = attempts.filter(({ step_id: id }) => id === "g");
      for (const event of events) if (event["step_id"] === "g" && event["attempt"] !== null) event["attempt"] = far;
      Object.assign(attempt!, { attempt: far });
      Object.assign(
        steps.find(({ step_id: id }) => id === "g")!,
        { attempt: far },
      );
    }),
  ],
  [
    "an attempt that was begun twice",
    "ran",
    editStory(({ plan, attempts }, events) => {
      const started = events.find(({ type }) => type === "step.started")!;
      const of = ({ step_id: id, attempt }: Record<string, unknown>) =>
        id === started["step_id"] && attempt === started["attempt"];
      attempts.push(attempts.find(of)!);
      events.push({ ...started, seq: events.length + 1 });
      plan["next_seq"] = events.length + 1;
    }),
  ],
  ["a revision that nobody proposed", "proposed", editRows(({ plan }) => (plan["revision"] = 2))],
  ["a revision taken back", "proposed", editRows(({ plan }) => (plan["revision"] = 0))],
  ["a recorded revision to come", "proposed", editRows(({ plan }) => (plan["recorded_revision"] = 2))],
  ["a planning round that nobody asked for", "answered", editRows(({ plan }) => (plan["planning_round"] = 2))],
  ["no planning round", "answered", editRows(({ plan }) => (plan["planning_round"] = 0))],
  [
    "a fence that can rise no more",
    "answered",
    editRows(({ steps }) => (steps[0]!["fence"] = Number.MAX_SAFE_INTEGER)),
  ],
  [
    "a fence that attempts were above",
    "ran",
    editRows(({ steps }) => (steps.find(({ step_id: id }) => id === "g")!["fence"] = 0)),
  ],
  ["a version that no worker knows", "answered", editRows(({ steps }) => (steps[0]!["kind_version"] = 99))],
  ["failures that can rise no more", "answered", editRows(({ steps }) => (steps[0]!["failures"] = -1))],
  ["less spent than its turns used", "ran", editRows(({ plan }) => (plan["spent_tokens"] = 0))],
  ["a spend below zero", "answered", editRows(({ plan }) => (plan["spent_tokens"] = -1_000_000))],
  ["a reserve of nobody", "answered", editRows(({ plan }) => (plan["reserved_tokens"] = 5))],
  ["a reserve of a step that does not run", "answered", editRows(({ steps }) => (steps[0]!["reserved_tokens"] = 5))],
  ["an effect that may happen twice", "answered", editRows(({ steps }) => (steps[0]!["effect_class"] = "pure"))],
  [
    "a step that carries the hash of another",
    "answered",
    editRows(({ plan }) => {
      const definition = JSON.parse(String(plan["def_json"])) as SealedPlan;
      const [first, second] = definition.steps;
      plan["def_json"] = JSON.stringify({
        ...definition,
        steps: [{ ...first, stepHash: hashStep(second!) }, ...definition.steps.slice(1)],
      });
    }),
  ],
])("is refused with %s, and nothing is written", async (name, of, forge) => {
  const source = { proposed, answered, ran }[of];
  const file = await forged(name.replaceAll(" ", "-"), source, forge);
  const work = importPlan(depsOf(blank), { file, tenantId: "local", actor: user, repositoryPath: blank.repository });
  await expect(work).rejects.toMatchObject({ code: "invalid_input" });
  expect(await blank.engine.store.read.selectFrom("plan").select("id").execute()).toEqual([]);
  expect(readdirSync(blank.engine.folder)).not.toContain("artifacts");
});

test.each<[string, Forge]>([
  [
    "rows.json is not what it should be (✖ Too big: expected number to be <=1073741824\n  → at steps[1].failures)",
    editRows(({ steps }) => (steps[1]!["failures"] = 2 ** 31)),
  ],
  [
    "events.jsonl, line 2, is not what it should be (✖ Too big: expected number to be <=1073741824\n  → at attempt)",
    editStory((_rows, events) => (events[1]!["attempt"] = 2 ** 31)),
  ],
])("a number that PostgreSQL has no room for is refused by its place: %s", async (told, forge) => {
  const file = await forged("no-room", ran, forge);
  await expect(checkArchive(file)).rejects.toMatchObject({
    code: "invalid_input",
    message: `The archive cannot be taken: ${told}.`,
  });
});
