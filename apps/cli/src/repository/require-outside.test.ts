import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { requireOutside } from "./require-outside.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-outside-"));
  mkdirSync(path.join(folder, "repo/sub"), { recursive: true });
  symlinkSync(path.join(folder, "repo"), path.join(folder, "link"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const check = (stateDir: string) =>
  requireOutside({ stateDir: path.join(folder, stateDir) }, path.join(folder, "repo"));

test.each(["repo", "repo/sub", "repo/.state/not/there", "link/sub"])("refuses %s", (stateDir) => {
  expect(() => check(stateDir)).toThrow(expect.objectContaining({ code: "invalid_input" }));
});

test.each(["state", "repo-state", ".", "..state"])("takes %s", (stateDir) => {
  expect(() => check(stateDir)).not.toThrow();
});
