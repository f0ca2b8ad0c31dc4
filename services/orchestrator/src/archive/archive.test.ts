import {
  copyFileSync,
  createWriteStream,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";

import { AgentError, ApprovalDecision, sha256Hex } from "@ossaat/contracts";
import type { ArchiveManifest } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import fc from "fast-check";
import { unpackTar } from "modern-tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry, ServerProcess } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { editRows, forgeArchive } from "../testing/forge-archive.ts";
import type { Forge } from "../testing/forge-archive.ts";
import { user } from "../testing/test-engine.ts";
import { checkArchive } from "./check-archive.ts";
import { exportPlan } from "./export-plan.ts";
import type { ArchiveDeps } from "./export-plan.ts";
import { importPlan } from "./import-plan.ts";
import { archiveLimits } from "./limits.ts";

const files = { "src/a.ts": "export const a = 1;\n", "src/b.ts": "export const b = 1;\n", "package.json": "{}\n" };
const large = `export const a = "${"x".repeat(40_000)}";\n`;

let folder: string;
let from: AgentStack;
let server: ServerProcess;
/** The plan waits for a person before its second step, and its archive. */
let planId: string;
let archive: string;

const writes = (step: string, content: string): ScriptEntry[] => [
  {
    match: { agent: "code-writer", step, turn: 1 },
    reply: {
      toolCalls: [
        { name: "run_command", input: { argv: ["echo", "kept output"] } },
        { name: "write_file", input: { path: `src/${step}.ts`, content, overwrite: true } },
        { name: "read_file", input: { path: `src/${step}.ts` } },
      ],
    },
  },
  {
    match: { agent: "code-writer", step, turn: 2 },
    reply: { toolCalls: [{ name: "finish", input: { summary: "Done." } }] },
  },
];

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

/** A server that knows nothing yet, with a clone of the repository. */
async function withServer<T>(work: (stack: AgentStack) => Promise<T>): Promise<T> {
  const stack = await openAgentStack({ files });
  try {
    return await work(stack);
  } finally {
    await stack.remove();
  }
}

const importTo = (stack: AgentStack, file: string, changes: { repositoryPath?: string; tenantId?: string } = {}) =>
  importPlan(depsOf(stack), { file, tenantId: "local", actor: user, repositoryPath: stack.repository, ...changes });

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AgentError);
  return (error as AgentError).code;
}

const rowsOf = async ({ engine }: AgentStack, id: string) => ({
  events: await engine.store.read.selectFrom("event").selectAll().where("plan_id", "=", id).orderBy("seq").execute(),
  approvals: await engine.store.read.selectFrom("approval").selectAll().where("plan_id", "=", id).execute(),
  timers: await engine.store.read.selectFrom("timer").selectAll().where("plan_id", "=", id).execute(),
});

async function approvePending(stack: AgentStack, process: ServerProcess, id: string): Promise<void> {
  const pending = (await process.state(id)).approvals.find(({ status }) => status === "pending");
  if (pending === undefined) throw new Error("nothing is asked");
  const decision = ApprovalDecision.parse({ decision: "approve", scope: "once", requestHash: pending.requestHash });
  await decideApproval(stack.engine, { approvalId: pending.approvalId, tenantId: "local", decision, actor: user });
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-archive-"));
  from = await openAgentStack({ files });
  const model = from.script([...writes("a", large), ...writes("b", "export const b = 2;\n")]);
  server = from.process();
  const envelope = { tools: ["read_file", "write_file", "run_command"], commands: ["echo"] };
  planId = await server.storePlan(
    [
      testStep("a", { envelope: { ...envelope, paths: ["src/a.ts"] } }),
      testStep("b", { needs: ["a"], approvalRequired: true, envelope: { ...envelope, paths: ["src/b.ts"] } }),
    ],
    { model },
  );
  await server.run(planId);
  archive = await exportTo(from, planId, "open.tar");
});
afterAll(async () => {
  await from.remove();
  rmSync(folder, { recursive: true, force: true });
});

test("an archive is a tar whose manifest names everything in it by size and hash", async () => {
  const entries = await unpackTar(readFileSync(archive));
  const names = entries.map(({ header }) => header.name);
  const content = new Map(entries.map(({ header, data }) => [header.name, Buffer.from(data ?? [])]));
  const manifest = JSON.parse(content.get("manifest.json")?.toString() ?? "") as ArchiveManifest;
  expect(manifest).toMatchObject({
    kind: "ossaat-plan",
    schemaVersion: 1,
    version: "1.2.3",
    planId,
    status: "running",
    lacking: [],
  });
  expect(names).toEqual(["manifest.json", ...manifest.entries.map(({ name }) => name), "archive.sha256"]);
  for (const { name, bytes, sha256 } of manifest.entries) {
    const data = content.get(name) ?? Buffer.alloc(0);
    expect([name, data.length, sha256Hex(data)]).toEqual([name, bytes, sha256]);
  }
  expect(names.filter((name) => name.startsWith("artifacts/")).length).toBeGreaterThan(0);
  const logs = names.filter((name) => name.startsWith("logs/"));
  expect(logs.map((name) => content.get(name)?.toString())).toContain("kept output\n");
  expect(names).toContain("objects.bundle");
});

test("an open plan goes on where it was: the request still binds its hash, and the plan ends with its branch", () =>
  withServer(async (stack) => {
    const before = await rowsOf(from, planId);
    expect(await importTo(stack, archive)).toMatchObject({ planId, outcome: "imported", status: "running", notes: [] });
    const after = await rowsOf(stack, planId);
    expect(after.events.slice(0, before.events.length)).toEqual(before.events);
    expect(after.approvals).toEqual(before.approvals);
    expect(after.timers).toEqual(before.timers);
    const process = stack.process();
    expect((await process.state(planId)).repository.path).toBe(stack.repository);
    const other = ApprovalDecision.parse({ decision: "approve", scope: "once", requestHash: "0".repeat(64) });
    const asked = { approvalId: after.approvals[0]?.id ?? "", tenantId: "local", decision: other, actor: user };
    expect(await refusal(decideApproval(stack.engine, asked))).toBe("conflict");
    await approvePending(stack, process, planId);
    await process.run(planId);
    const state = await process.state(planId);
    expect([state.status, state.message]).toEqual(["succeeded", undefined]);
    expect(stack.git("show", `ossaat/${planId}:src/a.ts`)).toBe(large);
    expect(stack.git("show", `ossaat/${planId}:src/b.ts`)).toBe("export const b = 2;\n");
    expect(await auditPlan(stack.engine, planId)).toEqual([]);
    const { logRef } = JSON.parse(
      /\{[^{}]*"logRef"[^{}]*\}/u.exec(
        after.events.find(({ type }) => type === "tool.finished")?.data_json ?? "",
      )?.[0] ?? "{}",
    ) as { logRef: string };
    expect((await stack.parts.workspaces.readLog({ logRef })).data).toBe("kept output\n");

    // What ended there is readable at a third place, and back where it came from it is another history.
    const ended = await exportTo(stack, planId, "ended.tar");
    await withServer(async (third) => {
      const answer = await importTo(third, ended);
      expect(answer).toMatchObject({ outcome: "imported", status: "succeeded" });
      expect(answer.notes).toEqual([`The branch ossaat/${planId} stands in the repository.`]);
      const read = await third.process().state(planId);
      expect([read.status, read.spend]).toEqual([state.status, state.spend]);
      expect(await third.engine.artifacts.get(read.evidenceRef ?? "")).toContain(planId);
      expect(third.git("show", `ossaat/${planId}:src/b.ts`)).toBe("export const b = 2;\n");
      const { files: changed } = await third.parts.workspaces.diffCommits({
        planId,
        repositoryPath: third.repository,
        from: read.repository.baseCommit,
        to: read.commit ?? "",
      });
      expect(changed.map((file) => file.path)).toEqual(["src/a.ts", "src/b.ts"]);
    });
    expect(await refusal(importTo(from, ended))).toBe("conflict");
  }));

test("an open plan goes on in the run mode of the server that it is on, and this is told", () =>
  withServer(async (stack) => {
    const deps = { ...depsOf(stack), runMode: "enterprise" as const };
    const input = { file: archive, tenantId: "local", actor: user, repositoryPath: stack.repository };
    const { notes } = await importPlan(deps, input);
    expect(notes).toEqual(["The plan was made in run mode consumer and goes on in run mode enterprise."]);
    const plan = await stack.engine.store.read.selectFrom("plan").selectAll().executeTakeFirstOrThrow();
    expect(JSON.parse(plan.options_json)).toMatchObject({ runMode: "enterprise" });
  }));

test("a step that was running elsewhere is taken back like one of a dead worker, and runs again", () =>
  withServer(async (stack) => {
    const started = from.process();
    const model = from.script([...writes("a", "export const a = 3;\n")]);
    const running = await started.storePlan(
      [testStep("a", { envelope: { tools: ["read_file", "write_file", "run_command"], commands: ["echo"] } })],
      { model },
    );
    // Killed after a few commits: the lease stands, the file was written and its tree recorded.
    const dying = from.process({ afterCommits: 8, when: "at once" });
    await dying.run(running).catch(() => undefined);
    const file = await exportTo(from, running, "running.tar");
    expect((await importTo(stack, file)).status).toBe("running");
    const process = stack.process();
    await process.start();
    await process.run(running);
    expect((await process.state(running)).status).toBe("succeeded");
    expect(stack.git("show", `ossaat/${running}:src/a.ts`)).toBe("export const a = 3;\n");
    expect(await auditPlan(stack.engine, running)).toEqual([]);
    // Told is how the plan stands here, not how it stood when the archive was made.
    const { lastSeq: events } = await process.state(running);
    expect(await importTo(stack, file)).toEqual({
      schemaVersion: 1,
      planId: running,
      outcome: "already_here",
      status: "succeeded",
      events,
      notes: [],
    });
  }));

test("the same archive twice is here already, also when the plan went on; the tenant is the importer's", () =>
  withServer(async (stack) => {
    await importTo(stack, archive, { tenantId: "team" });
    const once = await rowsOf(stack, planId);
    expect(await importTo(stack, archive, { tenantId: "team" })).toMatchObject({ outcome: "already_here", notes: [] });
    expect(await rowsOf(stack, planId)).toEqual(once);
    expect(once.approvals.map(({ tenant_id: tenant }) => tenant)).toEqual(["team"]);
    const plan = await stack.engine.store.read.selectFrom("plan").selectAll().executeTakeFirstOrThrow();
    expect([plan.tenant_id, (JSON.parse(plan.options_json) as { tenantId: string }).tenantId]).toEqual([
      "team",
      "team",
    ]);
    expect(await refusal(importTo(stack, archive))).toBe("conflict");
    // The one it came from knows it too.
    expect(await importTo(from, archive)).toMatchObject({ outcome: "already_here" });
  }));

test("of two imports at once one is told that the plan is here", () =>
  withServer(async (stack) => {
    const answers = await Promise.all([importTo(stack, archive), importTo(stack, archive)]);
    expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(["already_here", "imported"]);
  }));

test("an open plan needs a repository with its base; nothing is written without", () =>
  withServer(async (stack) => {
    const nowhere = { file: archive, tenantId: "local", actor: user };
    expect(await refusal(importPlan(depsOf(stack), nowhere))).toBe("invalid_input");
    const other = await openAgentStack({ files: { "other.txt": "x\n" } });
    expect(await refusal(importTo(stack, archive, { repositoryPath: other.repository }))).toBe("conflict");
    await other.remove();
    expect(await stack.engine.store.read.selectFrom("plan").select("id").execute()).toEqual([]);
    expect(readdirSync(stack.engine.folder)).not.toContain("artifacts");
  }));

describe("a file that is not what was exported", () => {
  /** Nothing is ever taken, so that all can try the same server. */
  let blank: AgentStack;
  beforeAll(async () => {
    blank = await openAgentStack({ files });
  });
  afterAll(() => blank.remove());

  const isBlank = async () => {
    expect(await blank.engine.store.read.selectFrom("plan").select("id").execute()).toEqual([]);
    expect(readdirSync(blank.engine.folder)).not.toContain("artifacts");
  };

  const changed = (name: string, change: (bytes: Buffer) => Buffer): string => {
    const file = path.join(folder, name);
    writeFileSync(file, change(readFileSync(archive)));
    return file;
  };

  test("is refused for any flipped bit", async () => {
    const bytes = readFileSync(archive).length;
    const file = path.join(folder, "flipped.tar");
    copyFileSync(archive, file);
    // Every region, the seal and the ends included, and anywhere.
    const edges = [0, 100, 511, 512, bytes - 1, bytes - 1_024, bytes - 1_500, bytes - 2_048, bytes - 2_049];
    const at = fc.oneof(fc.constantFrom(...edges), fc.nat(bytes - 1));
    await fc.assert(
      fc.asyncProperty(at, fc.nat(7), async (offset, bit) => {
        const flipped = readFileSync(archive);
        flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
        writeFileSync(file, flipped);
        await expect(checkArchive(file)).rejects.toBeInstanceOf(AgentError);
      }),
      { numRuns: 200 },
    );
    expect((await checkArchive(archive)).manifest.planId).toBe(planId);
  });

  test.each([
    ["empty", (bytes: Buffer) => bytes.subarray(0, 0)],
    ["cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 512)],
    ["cut in the middle", (bytes: Buffer) => bytes.subarray(0, 4_096)],
    ["longer", (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(512)])],
    ["no tar", () => Buffer.from("hello".repeat(2_000))],
  ])("is refused when it is %s", async (name, change) => {
    expect(await refusal(importTo(blank, changed(`${name}.tar`, change)))).toBe("invalid_input");
    await isBlank();
  });

  const forged = (name: string, forge: Forge, options: { resum?: boolean } = {}) =>
    forgeArchive(archive, path.join(folder, `forged-${name}.tar`), { forge, ...options });

  test("is taken when nothing was forged, so that a refusal is one of the forgery", async () => {
    expect((await checkArchive(await forged("nothing", () => undefined))).manifest.planId).toBe(planId);
  });

  test.each<[string, string, Forge, boolean?]>([
    ["a newer format", "conflict", ({ manifest }) => Object.assign(manifest, { schemaVersion: 2, more: true })],
    ["a newer schema", "conflict", ({ manifest }) => Object.assign(manifest, { storeSchema: "9999-later" })],
    ["a path out of its folder", "invalid_input", ({ entries }) => entries.set("../../escaped", Buffer.from("x"))],
    ["an absolute path", "invalid_input", ({ entries }) => entries.set("/etc/escaped", Buffer.from("x"))],
    [
      "an artifact of a wrong name",
      "invalid_input",
      ({ entries }) => entries.set(`artifacts/${"0".repeat(64)}`, Buffer.from("x")),
    ],
    [
      "an entry that no manifest names",
      "invalid_input",
      ({ entries }) => entries.set(`logs/${sha256Hex("x")}`, Buffer.from("x")),
      false,
    ],
    ["an entry that is missing", "invalid_input", ({ entries }) => entries.delete("events.jsonl"), false],
    ["events that are missing", "invalid_input", ({ entries }) => entries.delete("events.jsonl")],
    [
      "a gap in its events",
      "invalid_input",
      ({ entries }) => {
        const lines = entries.get("events.jsonl")?.toString().split("\n") ?? [];
        entries.set("events.jsonl", Buffer.from([...lines.slice(0, 3), ...lines.slice(4)].join("\n")));
      },
    ],
    [
      "a plan of another id",
      "invalid_input",
      editRows(({ plan }) => (plan["id"] = "plan-00000000-0000-4000-8000-00000000abcd")),
    ],
    [
      "a plan that its hash does not name",
      "invalid_input",
      editRows(({ plan }) => (plan["def_json"] = String(plan["def_json"]).replace("Do b", "Do evil"))),
    ],
    [
      "a step that succeeded by itself",
      "invalid_input",
      editRows(({ steps }) => (steps.find((row) => row["step_id"] === "b")!["status"] = "succeeded")),
    ],
    ["an approval nobody gave", "invalid_input", editRows(({ approvals }) => (approvals[0]!["status"] = "granted"))],
    [
      "a request with another hash",
      "invalid_input",
      editRows(({ approvals }) => (approvals[0]!["request_hash"] = "0".repeat(64))),
    ],
    [
      "an approved step of no event",
      "invalid_input",
      editRows(({ plan }) => (plan["approved_json"] = JSON.stringify({ b: "1".repeat(64) }))),
    ],
    ["a column it should not have", "invalid_input", editRows(({ plan }) => (plan["is_admin"] = 1))],
  ])("is refused with %s, and nothing is written", async (name, code, forge, resum = true) => {
    const file = await forged(name.replaceAll(" ", "-"), forge, { resum });
    expect(await refusal(importTo(blank, file))).toBe(code);
    await isBlank();
  });

  test("is refused when the manifest promises an entry that is too large", async () => {
    const file = await forged(
      "too-large",
      ({ manifest }) => {
        for (const entry of manifest.entries) if (entry.name === "rows.json") entry.bytes = 129 * 1024 * 1024;
      },
      { resum: false },
    );
    expect(await refusal(checkArchive(file))).toBe("invalid_input");
  });

  test("is refused when its commits were swapped, and no plan is there", async () => {
    const file = await forged("objects", ({ entries }) => {
      const bundle = entries.get("objects.bundle") ?? Buffer.alloc(0);
      bundle[bundle.length - 40] = (bundle[bundle.length - 40] ?? 0) ^ 1;
      entries.set("objects.bundle", bundle);
    });
    await withServer(async (stack) => {
      expect(await refusal(importTo(stack, file))).toBe("invalid_input");
      expect(await stack.engine.store.read.selectFrom("plan").select("id").execute()).toEqual([]);
    });
  });
});

test("a log that no import would take is refused when it is exported", async () => {
  await withServer(async (stack) => {
    const id = await stack.process().storePlan([testStep("a")], { model: stack.script([]) });
    const text = "x".repeat(archiveLimits.maxRowsBytes);
    const changed = stack.engine.store.tx((tx) =>
      tx
        .updateTable("event")
        .set({ data_json: JSON.stringify({ text }) })
        .where("plan_id", "=", id)
        .where("seq", "=", 2)
        .execute(),
    );
    await changed;
    const refused = await exportPlan(depsOf(stack), { planId: id, tenantId: "local" }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "limit_exceeded",
      message: "The plan does not fit into an archive: events.jsonl has 128.0 MiB of at most 128.0 MiB.",
    });
  });
});
