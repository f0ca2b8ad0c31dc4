// State folders that earlier versions left: this version reads what has ended, and goes on with what
// has not. Made by scripts/make-state-fixture.ts of each version whose state differs.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

import { sealPlan, sha256Hex } from "@ossaat/contracts";
import type { Plan } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { git, makeDatedRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

type About = { version: string; folder: string; plans: { ended: string; waiting: string; asking: string } };

const fixtures = fileURLToPath(new URL("testing/state-folders", import.meta.url));
const names = readdirSync(fixtures);

let cli: Cli;
beforeEach(async () => {
  cli = await createCli();
});
afterEach(() => cli.close());

type Column = { table: string; column: string; type: string };

function columnsOf(db: DatabaseSync): Column[] {
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'kysely%'").all();
  return tables.flatMap(({ name }) =>
    db
      .prepare(`PRAGMA table_info("${String(name)}")`)
      .all()
      .map((row) => ({ table: String(name), column: String(row["name"]), type: String(row["type"]).toLowerCase() })),
  );
}

/** Texts of every table name the folder the fixture was made in; this one lies elsewhere. */
function move(db: DatabaseSync, from: string, to: string): void {
  for (const { table, column, type } of columnsOf(db)) {
    if (type !== "text") continue;
    db.prepare(`UPDATE "${table}" SET "${column}" = replace("${column}", ?, ?)`).run(from, to);
  }
}

/** Moves every time so that the folder was left this moment: what waits has its time to wait still before it. */
function keepFresh(db: DatabaseSync): void {
  const { newest } = db.prepare("SELECT max(at) AS newest FROM event").get() as { newest: number };
  const moved = Date.now() - newest;
  for (const { table, column, type } of columnsOf(db)) {
    if (type === "text" || !/^at$|_at$|^lease_until$/u.test(column)) continue;
    db.prepare(`UPDATE "${table}" SET "${column}" = "${column}" + ? WHERE "${column}" > 0`).run(moved);
  }
}

/** The texts for what the tool runner keeps: records of working trees, and a store named by the repository's path. */
function moveRunner(runner: string, { folder }: About, repository: string): void {
  const stores = path.join(runner, "repositories");
  const [old = ""] = readdirSync(stores);
  const name = `${sha256Hex(realpathSync(path.join(repository, ".git")))}.git`;
  renameSync(path.join(stores, old), path.join(stores, name));
  for (const workspace of readdirSync(path.join(runner, "meta"))) {
    const file = path.join(runner, "meta", workspace, "workspace.json");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(folder, cli.folder).replaceAll(old, name));
  }
}

async function unpack(name: string): Promise<{ about: About; repository: string }> {
  const folder = path.join(cli.folder, "fixture");
  mkdirSync(folder);
  execFileSync("tar", ["-xzf", path.join(fixtures, name), "-C", folder]);
  const about = JSON.parse(readFileSync(path.join(folder, "about.json"), "utf8")) as About;
  const repository = await makeDatedRepository(path.join(cli.folder, "repository"));
  cpSync(path.join(folder, "plans"), path.join(repository, ".plans"), { recursive: true });
  cpSync(path.join(folder, "state"), cli.stateDir, { recursive: true });
  const db = new DatabaseSync(path.join(cli.stateDir, "ossaat.db"));
  move(db, about.folder, cli.folder);
  keepFresh(db);
  db.close();
  moveRunner(path.join(cli.stateDir, "runner"), about, repository);
  for (const script of ["script.json", "asking.json"]) {
    await writeScript(path.join(cli.folder, script), counterScript);
  }
  return { about, repository };
}

/** Gives the steps of a stored plan entries that an earlier version took and this one cannot read. */
function addIdleEntries(repository: string, planId: string): void {
  const db = new DatabaseSync(path.join(cli.stateDir, "ossaat.db"));
  const withEntries = (plan: Plan) =>
    sealPlan({
      ...plan,
      steps: plan.steps.map((step) => ({
        ...step,
        envelope: { ...step.envelope, egressHosts: ["localhost", "10.0.0.5"], secrets: ["my secret"] },
      })),
    });
  const { def_json: text } = db.prepare("SELECT def_json FROM plan WHERE id = ?").get(planId) as { def_json: string };
  const plan = withEntries(JSON.parse(text) as Plan);
  db.prepare("UPDATE plan SET def_json = ?, def_hash = ? WHERE id = ?").run(
    JSON.stringify(plan),
    plan.planHash,
    planId,
  );
  const proposals = db.prepare("SELECT seq, data_json FROM event WHERE plan_id = ? AND type = 'plan.proposed'");
  for (const { seq, data_json: json } of proposals.all(planId) as { seq: number; data_json: string }[]) {
    const data = JSON.stringify({ ...(JSON.parse(json) as object), plan, planHash: plan.planHash });
    db.prepare("UPDATE event SET data_json = ? WHERE plan_id = ? AND seq = ?").run(data, planId, seq);
  }
  db.close();
  writeFileSync(path.join(repository, ".plans", planId, "plan.json"), `${JSON.stringify(plan, null, 2)}\n`);
}

test("there is a state folder to upgrade from", () => {
  expect(names.length).toBeGreaterThan(0);
});

describe.each(names)("the state folder %s", (name) => {
  test("shows what has ended, and runs what was waiting", async () => {
    const { about, repository } = await unpack(name);
    const { ended, waiting, asking } = about.plans;
    const listed = await cli.json(repository, ["runs"]);
    expect(listed.code, listed.stderr).toBe(0);
    expect(listed.value.plans.map(({ id }: { id: string }) => id).toSorted()).toEqual(
      [ended, waiting, asking].toSorted(),
    );
    const shown = await cli.json(repository, ["show", ended]);
    expect([shown.code, shown.value.plan.status, shown.value.plan.steps.length]).toEqual([0, "succeeded", 3]);
    expect((await cli.json(repository, ["show", ended, "--evidence"])).value.planId).toBe(ended);
    const approved = await cli.json(repository, ["approve", waiting, "--watch"]);
    expect([approved.code, approved.value.plan.status], approved.stderr).toEqual([0, "succeeded"]);
    expect(git(repository, "show", `ossaat/${waiting}:src/sum.js`)).toContain("return a + b;");
  });

  test("reads a plan with hosts and secrets that mean nothing today, and runs it without them", async () => {
    const { about, repository } = await unpack(name);
    const { ended, waiting } = about.plans;
    addIdleEntries(repository, ended);
    addIdleEntries(repository, waiting);
    const listed = await cli.json(repository, ["runs"]);
    expect([listed.code, listed.value.plans.length], listed.stderr).toEqual([0, 3]);
    for (const planId of [ended, waiting]) {
      const shown = await cli.json(repository, ["show", planId]);
      const { egressHosts, secrets } = shown.value.plan.plan.steps.find(
        ({ id }: { id: string }) => id === "fix",
      ).envelope;
      expect([shown.code, egressHosts, secrets]).toEqual([0, ["localhost", "10.0.0.5"], ["my secret"]]);
      expect((await cli.run(repository, ["logs", planId])).code).toBe(0);
    }
    const checked = await cli.json(repository, ["policy", "check", waiting]);
    expect(checked.value.tools.map(({ about: text }: { about: string }) => text)).toContain(
      "reaching localhost, which grants nothing",
    );
    const approved = await cli.json(repository, ["approve", waiting, "--watch"]);
    expect([approved.code, approved.value.plan.status], approved.stderr).toEqual([0, "succeeded"]);
    const { value } = await cli.json(repository, ["logs", waiting]);
    expect(JSON.stringify(value.events)).toContain("These entries of the step grant nothing:");
  });

  test("goes on with a run whose agent had asked a person", async () => {
    const { about, repository } = await unpack(name);
    const { asking } = about.plans;
    const parked = await cli.json(repository, ["show", asking]);
    const [approval] = parked.value.plan.approvals;
    expect([parked.code, approval.status], parked.stderr).toEqual([0, "pending"]);
    const denied = await cli.run(repository, ["deny", approval.approvalId, "--reason", "not needed"]);
    expect(denied.code, denied.stderr).toBe(0);
    const ended = await cli.json(repository, ["watch", asking]);
    expect([ended.code, ended.value.plan.status], ended.stderr).toEqual([0, "succeeded"]);
    expect(git(repository, "show", `ossaat/${asking}:src/sum.js`)).toContain("return a + b;");
  });
});
