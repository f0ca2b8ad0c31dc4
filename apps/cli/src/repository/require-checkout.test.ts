import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { requireCheckout, requireCommit, requireNoOpenWork, resultName } from "./require-checkout.ts";

const id = "plan-1";
const branch = "ossaat/plan-1";
let root: string;
const git = (...args: string[]) =>
  execFileSync("git", ["-C", root, "-c", "user.name=t", "-c", "user.email=t@t", ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
const commit = (text: string) => {
  writeFileSync(path.join(root, "a"), text);
  git("add", "a");
  git("commit", "-q", "-m", text);
  return git("rev-parse", "HEAD");
};

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "ossaat-checkout-"));
  git("init", "-q", "-b", "main");
  commit("base");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const problem = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string });

test("a repository that was moved is named with where it was", () => {
  const plan = (place: string) => ({ id, repository: { path: place, baseCommit: "c", dirtyPaths: 0 } }) as never;
  expect(() => requireCheckout(plan(root))).not.toThrow();
  expect(() => requireCheckout(plan(`${root}/gone`))).toThrow(problem("not_found", /moved or deleted/u));
});

test("a merge with conflicts is to be ended first", async () => {
  await expect(requireNoOpenWork(root, "ossaat apply")).resolves.toBeUndefined();
  git("switch", "-q", "-c", "other");
  commit("theirs");
  git("switch", "-q", "main");
  commit("ours");
  expect(() => git("merge", "other")).toThrow("Command failed");
  const refused = requireNoOpenWork(root, "ossaat apply");
  await expect(refused).rejects.toThrow(problem("conflict", /^A merge is under way/u));
  await expect(refused).rejects.toMatchObject({
    details: { next: `finish it, or \`git -C ${root} merge --abort\`; then \`ossaat apply\`` },
  });
});

test("a result is named by its branch, and by its commit when that is deleted", async () => {
  git("switch", "-q", "-c", branch);
  const tip = commit("result");
  git("switch", "-q", "main");
  expect(await resultName(root, { branch, commit: tip })).toBe(branch);
  git("branch", "-q", "-D", branch);
  expect(await resultName(root, { branch, commit: tip })).toBe(tip);
  await expect(requireCommit(root, { id, branch, commit: tip })).resolves.toBeUndefined();
  const gone = { id, branch, commit: "0".repeat(39) + "1" };
  await expect(requireCommit(root, gone)).rejects.toThrow(problem("not_found", /was deleted/u));
});
