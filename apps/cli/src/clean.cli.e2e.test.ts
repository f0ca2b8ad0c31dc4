// `ossaat clean`: what ended plans leave on the disk, and what must not be removed.
import { existsSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, turns, writeScript } from "./testing/script.ts";

let cli: Cli;
let repository: string;
let failed: Json;
let waiting: Json;

const treeOf = ({ id }: Json) => path.join(cli.stateDir, "runner", "workspaces", id as string);
const clean = (...args: string[]) => cli.json(repository, ["clean", ...args]);

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  const failing = await writeScript(path.join(cli.folder, "failing.json"), counterFrame);
  const asking = await writeScript(path.join(cli.folder, "asking.json"), [
    ...counterFrame,
    ...turns("code-writer", "fix", { toolCalls: [call("run_command", { argv: ["npm", "install", "left-pad"] })] }),
  ]);
  failed = (await cli.json(repository, ["run", "Let sum add", "--yes", "--model", failing])).value.plan;
  waiting = (await cli.json(repository, ["run", "Let sum add", "--yes", "--model", asking])).value.plan;
});
afterAll(() => cli.close());

test("says what it would remove, and how many bytes, and removes nothing unasked", async () => {
  const planned = await clean("--dry-run");
  const { bytes } = planned.value;
  expect([planned.code, planned.value], planned.stderr).toEqual([
    0,
    {
      schemaVersion: 1,
      removed: false,
      plans: [{ planId: failed.id, status: "failed", finishedAt: failed.finishedAt, bytes }],
      bytes,
    },
  ]);
  expect(bytes).toBeGreaterThan(4_096);
  const unasked = await clean();
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining("ossaat clean --yes") as string]);
  const young = await clean("--older-than", "1", "--yes");
  expect([young.code, young.value.plans]).toEqual([0, []]);
  expect([treeOf(failed), treeOf(waiting)].map((tree) => existsSync(tree))).toEqual([true, true]);
});

test("refuses a plan that has not ended, one that is not there, and what is no number of days", async () => {
  const open = await clean(waiting.id as string, "--yes");
  expect([open.code, open.stderr]).toEqual([1, expect.stringContaining("its working trees are in use") as string]);
  const unknown = await clean("plan-00000000-0000-4000-8000-000000000000", "--yes");
  const days = await clean("--older-than", "soon", "--yes");
  const remote = await cli.run(repository, ["clean"], { env: { OSSAAT_URL: "http://127.0.0.1:1", OSSAAT_TOKEN: "t" } });
  expect([unknown.code, days.code, remote.code]).toEqual([6, 2, 2]);
  expect(existsSync(treeOf(waiting))).toBe(true);
});

test("removes what ended plans left, and leaves the others alone", async () => {
  const done = await clean("--yes");
  expect([done.code, done.value.removed, done.value.plans.length], done.stderr).toEqual([0, true, 1]);
  expect([treeOf(failed), treeOf(waiting)].map((tree) => existsSync(tree))).toEqual([false, true]);
  const again = await cli.run(repository, ["clean", "--yes"]);
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("There is nothing to remove.") as string]);
  expect((await cli.json(repository, ["show", failed.id as string])).value.plan.status).toBe("failed");
});
