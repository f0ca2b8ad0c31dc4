import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { createToolRunner } from "../create-tool-runner.ts";

let stateDir: string;
beforeEach(() => (stateDir = mkdtempSync(path.join(tmpdir(), "ossaat-seed-"))));
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

test("a start removes what was left of seeds that a kill interrupted, and nothing else", async () => {
  const runner = createToolRunner({ stateDir, sandbox: "none", logger: { warn: () => undefined } });
  await runner.clearLeftovers();
  const caches = path.join(stateDir, "caches");
  for (const folder of [
    "making-a1b2c3/cache/go-build/00",
    "making-d4e5f6/module",
    "go-0123456789abcdef",
    "plans/p/w",
  ]) {
    mkdirSync(path.join(caches, folder), { recursive: true });
    writeFileSync(path.join(caches, folder, "file"), "x", { mode: 0o400 });
  }
  await runner.clearLeftovers();
  expect(readdirSync(caches).toSorted()).toEqual(["go-0123456789abcdef", "plans"]);
  await runner.close();
});
