import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { findRepository } from "./find-repository.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), "ossaat-find-")));
});
afterEach(() => rmSync(root, { recursive: true }));

const env = { PATH: process.env["PATH"], HOME: "/nowhere", GIT_CEILING_DIRECTORIES: tmpdir() };

function run(folder: string, ...args: string[]): string {
  return execFileSync("git", ["-C", folder, ...args], { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

function makeRepository(name: string): string {
  const folder = path.join(root, name);
  mkdirSync(path.join(folder, "a", "b"), { recursive: true });
  run(folder, "init", "-q", "-b", "main");
  run(folder, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "first");
  return folder;
}

/** What git itself says. */
function askGit(folder: string): string | undefined {
  try {
    return run(folder, "rev-parse", "--show-toplevel").trimEnd();
  } catch {
    return undefined;
  }
}

const find = (folder: string) => findRepository({ folder, config: { isGitSteered: false } });

const places: Record<string, () => string> = {
  "the top of a checkout": () => makeRepository("r"),
  "a folder below": () => path.join(makeRepository("r"), "a", "b"),
  "a folder reached by a link": () => {
    symlinkSync(path.join(makeRepository("r"), "a"), path.join(root, "link"));
    return path.join(root, "link");
  },
  "inside of .git": () => path.join(makeRepository("r"), ".git", "refs"),
  "no repository": () => root,
  "a bare repository": () => {
    run(root, "init", "-q", "--bare", "bare.git");
    return path.join(root, "bare.git");
  },
  "a linked worktree": () => {
    run(makeRepository("r"), "worktree", "add", "-q", path.join(root, "w"));
    return path.join(root, "w");
  },
  "a checkout whose configuration names another worktree": () => {
    const folder = makeRepository("r");
    mkdirSync(path.join(root, "elsewhere"));
    run(folder, "config", "core.worktree", path.join(root, "elsewhere"));
    return folder;
  },
  "a checkout that calls itself bare": () => {
    const folder = makeRepository("r");
    run(folder, "config", "core.bare", "true");
    return folder;
  },
  "a checkout with a part of its configuration in another file": () => {
    const folder = makeRepository("r");
    mkdirSync(path.join(root, "elsewhere"));
    writeFileSync(path.join(root, "more"), `[core]\nworktree = ${path.join(root, "elsewhere")}\n`);
    run(folder, "config", "include.path", path.join(root, "more"));
    return folder;
  },
  "an empty .git in a repository": () => {
    const folder = path.join(makeRepository("r"), "a");
    mkdirSync(path.join(folder, ".git"));
    return folder;
  },
  "a .git with a broken HEAD in a repository": () => {
    const folder = path.join(makeRepository("r"), "a");
    run(folder, "init", "-q");
    writeFileSync(path.join(folder, ".git", "HEAD"), "nonsense\n");
    return folder;
  },
  "a repository in a repository": () => {
    const folder = path.join(makeRepository("r"), "a");
    run(folder, "init", "-q");
    return path.join(folder, "b");
  },
};

test.each(Object.entries(places))("says what git says of %s", async (_name, make) => {
  const folder = make();
  expect(await find(folder)).toBe(askGit(folder));
});

test.skipIf(process.geteuid?.() !== 0)("leaves a checkout of somebody else to git", async () => {
  const folder = makeRepository("r");
  chownSync(folder, 65_534, 65_534);
  expect([await find(folder), askGit(folder)]).toEqual([undefined, undefined]);
});

test("asks git when a variable of its own steers it", async () => {
  const folder = makeRepository("r");
  const { GIT_DIR: before } = process.env;
  process.env["GIT_DIR"] = path.join(root, "no-such-folder");
  try {
    expect(await findRepository({ folder, config: { isGitSteered: true } })).toBeUndefined();
  } finally {
    if (before === undefined) delete process.env["GIT_DIR"];
    else process.env["GIT_DIR"] = before;
  }
});
