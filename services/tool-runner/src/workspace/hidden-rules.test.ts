import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { createGit } from "../git/git.ts";
import { openRunner, testWorkspaceId } from "../testing/open-runner.ts";
import type { OpenRunner } from "../testing/open-runner.ts";
import { findSelfHiding } from "./hidden-rules.ts";
import { createLayout } from "./layout.ts";
import { loadWorkspace } from "./workspace-record.ts";

let open: OpenRunner;
beforeEach(async () => {
  open = await openRunner({ ".gitignore": "build/\n", "kept/.gitignore": "*\n!a\n", "kept/a": "a\n" });
});
afterEach(() => open.close());

it("finds rules that hide themselves, and not those of the repository, of its ignored folders or of caches", async () => {
  const files = [
    "evil/.gitignore",
    "build/.gitignore",
    ".pytest_cache/.gitignore",
    "seen/.gitignore",
    ":(top)*/.gitignore",
    "\u{e4}/.gitignore",
  ];
  for (const file of files) {
    mkdirSync(dirname(join(open.tree, file)), { recursive: true });
    writeFileSync(join(open.tree, file), file === "seen/.gitignore" ? "x\n" : "*\n");
  }
  const workspace = await loadWorkspace(createLayout(open.stateDir), testWorkspaceId);
  const raw = [".gitignore", "kept/.gitignore", ...files].map((path) => Buffer.from(path).toString("latin1"));
  const found = await findSelfHiding(createGit("git"), workspace, raw);
  expect(found.map((path) => Buffer.from(path, "latin1").toString("utf8")).sort()).toEqual([
    ":(top)*/.gitignore",
    "evil/.gitignore",
    "\u{e4}/.gitignore",
  ]);
  expect(await findSelfHiding(createGit("git"), workspace, [])).toEqual([]);
});
