// A plan moves from a file to PostgreSQL in its midst, ends there, and moves back: every row is what it was.
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";

import { ApprovalDecision } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import type { Tx } from "../store/store.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { user } from "../testing/test-engine.ts";
import { chooseTestStore, chosenTestStore, sqliteTestStore } from "../testing/test-store.ts";
import type { TestStoreKind } from "../testing/test-store.ts";
import { exportPlan } from "./export-plan.ts";
import type { ArchiveDeps } from "./export-plan.ts";
import { importPlan } from "./import-plan.ts";

const postgres = chosenTestStore();
const files = { "src/a.ts": "export const a = 1;\n", "src/b.ts": "export const b = 1;\n" };

let folder: string;
const open: AgentStack[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-across-"));
});
afterEach(async () => {
  for (const stack of open.splice(0)) await stack.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function openOn(kind: TestStoreKind): Promise<AgentStack> {
  chooseTestStore(kind);
  const stack = await openAgentStack({ files });
  chooseTestStore(postgres);
  open.push(stack);
  return stack;
}

const writes = (step: string, value: string): ScriptEntry => ({
  match: { agent: "code-writer", step },
  reply: {
    toolCalls: [
      {
        name: "write_file",
        input: { path: `src/${step}.ts`, content: `export const ${step} = "${value}";\n`, overwrite: true },
      },
      { name: "finish", input: { summary: "Done." } },
    ],
  },
});

const depsOf = ({ engine, parts }: AgentStack): ArchiveDeps => ({
  engine,
  workspaces: parts.workspaces,
  version: "1.2.3",
  spoolDir: engine.folder,
});

/** From one server to another, with all its rows as they were. */
async function move(planId: string, from: AgentStack, to: AgentStack): Promise<void> {
  const exported = await exportPlan(depsOf(from), { planId, tenantId: "local" });
  const file = path.join(folder, "plan.tar");
  await pipeline(exported.archive, createWriteStream(file));
  await exported.remove();
  const before = await rowsOf(from, planId);
  const { outcome } = await importPlan(depsOf(to), {
    file,
    tenantId: "local",
    actor: user,
    repositoryPath: to.repository,
  });
  const after = await rowsOf(to, planId);
  expect([outcome, after.events[before.events.length]?.type]).toEqual(["imported", "plan.imported"]);
  expect({ ...after, events: after.events.slice(0, before.events.length) }).toEqual(before);
}

async function rowsOf({ engine }: AgentStack, planId: string) {
  const all = (table: "event" | "step" | "step_dep" | "attempt" | "approval" | "timer") =>
    engine.store.read.selectFrom(table).selectAll().where("plan_id", "=", planId).execute();
  const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).toSorted();
  const events = await engine.store.read
    .selectFrom("event")
    .selectAll()
    .where("plan_id", "=", planId)
    .orderBy("seq")
    .execute();
  const [steps, needs, attempts] = [await all("step"), await all("step_dep"), await all("attempt")].map(sorted);
  const [approvals, timers] = [await all("approval"), await all("timer")].map(sorted);
  return { events, steps, needs, attempts, approvals, timers };
}

test("an open plan of an embedded server ends on PostgreSQL, and is read again where it came from", async () => {
  const [laptop, company, archiveHost] = [
    await openOn(sqliteTestStore),
    await openOn(postgres),
    await openOn(sqliteTestStore),
  ];
  const model = laptop.script([writes("a", "x".repeat(40_000)), writes("b", "é\u2028\u{1f600}")]);
  const begun = laptop.process();
  const envelope = { tools: ["read_file", "write_file"] };
  const steps = [
    testStep("a", { envelope: { ...envelope, paths: ["src/a.ts"] } }),
    testStep("b", { needs: ["a"], approvalRequired: true, envelope: { ...envelope, paths: ["src/b.ts"] } }),
  ];
  const planId = await begun.storePlan(steps, { model });
  await begun.run(planId);
  await move(planId, laptop, company);

  const going = company.process();
  const pending = (await going.state(planId)).approvals.find(({ status }) => status === "pending");
  const decision = ApprovalDecision.parse({ decision: "approve", scope: "once", requestHash: pending?.requestHash });
  const approvalId = pending?.approvalId ?? "";
  await decideApproval(company.engine, { approvalId, tenantId: "local", decision, actor: user });
  await going.run(planId);
  const ended = await going.state(planId);
  expect([ended.status, ended.message]).toEqual(["succeeded", undefined]);
  expect(await auditPlan(company.engine, planId)).toEqual([]);
  expect(company.git("show", `ossaat/${planId}:src/b.ts`)).toBe('export const b = "é\u2028\u{1f600}";\n');

  await move(planId, company, archiveHost);
  const read = await archiveHost.process().state(planId);
  expect([read.status, read.spend, read.commit]).toEqual([ended.status, ended.spend, ended.commit]);
  expect(await archiveHost.engine.artifacts.get(read.evidenceRef ?? "")).toContain(planId);
  expect(archiveHost.git("show", `ossaat/${planId}:src/a.ts`)).toContain("x".repeat(40_000));
});

test("an export waits for nobody who changes the plan, and holds up nobody", async () => {
  const company = await openOn(postgres);
  const planId = await company.process().storePlan([testStep("a")], { model: company.script([]) });
  const { store } = company.engine;
  const goalOf = async (tx: Tx) =>
    (await tx.selectFrom("plan").select("goal").where("id", "=", planId).executeTakeFirstOrThrow()).goal;
  await store.tx(async (tx) => {
    await tx.updateTable("plan").set({ goal: "another" }).where("id", "=", planId).returning("id").execute();
    const exported = await exportPlan(depsOf(company), { planId, tenantId: "local" });
    await exported.remove();
    expect(exported.manifest.planId).toBe(planId);
  });
  const seen = await store.snapshot(async (tx) => {
    const before = await goalOf(tx);
    await store.tx((other) => other.updateTable("plan").set({ goal: "a third" }).where("id", "=", planId).execute());
    return [before, await goalOf(tx)];
  });
  expect([seen, await store.snapshot(goalOf)]).toEqual([["another", "another"], "a third"]);
  const writing = store.snapshot((tx) => tx.updateTable("plan").set({ goal: "no" }).execute());
  await expect(writing).rejects.toThrow(/read-only/u);
  await expect(store.forTenant("others").snapshot(goalOf)).rejects.toThrow(/no result/u);
});
