import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { linkedCheckouts } from "./linked-checkouts.ts";

let folder: string;
const at = (name: string) => path.join(folder, name);
const git = (...args: string[]) =>
  execFileSync("git", ["-C", at("main"), "-c", "user.name=t", "-c", "user.email=t@t", ...args], { stdio: "ignore" });

beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "ossaat-linked-")));
  execFileSync("git", ["init", "-q", at("main")]);
  git("commit", "-q", "--allow-empty", "-m", "base");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a repository with one checkout has that alone", async () => {
  expect(await linkedCheckouts(at("main"))).toEqual([at("main")]);
});

test("linked ones are found from each of them; one that was removed is not", async () => {
  for (const name of ["one", "two", "gone"]) git("worktree", "add", "-q", at(name));
  rmSync(at("gone"), { recursive: true });
  expect([await linkedCheckouts(at("main")), await linkedCheckouts(at("two"))]).toEqual([
    [at("main"), at("one"), at("two")],
    [at("two"), at("main"), at("one")],
  ]);
});
