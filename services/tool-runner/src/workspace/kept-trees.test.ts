import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { createKeptTrees } from "./kept-trees.ts";

let stateDir: string;
beforeEach(() => (stateDir = mkdtempSync(path.join(tmpdir(), "ossaat-kept-"))));
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function put(name: string, bytes: number): void {
  const file = path.join(stateDir, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.alloc(bytes, 1));
}

test("lists plans with working trees or caches, says what they take, and removes one", async () => {
  const kept = createKeptTrees(stateDir);
  expect([await kept.list(), await kept.measure("plan-a")]).toEqual([[], 0]);
  put("workspaces/plan-a/w/deep/file", 300_000);
  put("caches/plans/plan-a/w/go-build/file", 200_000);
  put("caches/plans/plan-b/w/file", 10);
  put("caches/go-0123/file", 10);
  expect(await kept.list()).toEqual(["plan-a", "plan-b"]);
  const bytes = await kept.measure("plan-a");
  expect(bytes).toBeGreaterThanOrEqual(500_000);
  expect(bytes).toBeLessThan(700_000);
  await kept.remove("plan-a");
  expect([await kept.list(), await kept.measure("plan-a")]).toEqual([["plan-b"], 0]);
  expect(existsSync(path.join(stateDir, "caches/go-0123/file"))).toBe(true);
});
