import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { readGit, startGit } from "./git.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-git-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("git that somebody killed may be run again; git that refused may not", async () => {
  await readGit(folder, ["init", "-q"]);
  const { child, ended } = startGit(folder, ["hash-object", "--stdin-paths"]);
  child.kill("SIGKILL");
  await expect(ended).rejects.toMatchObject({ code: "unavailable", message: "git hash-object was ended by SIGKILL." });
  await expect(readGit(folder, ["ls-tree", "HEAD"])).rejects.toMatchObject({
    code: "tool_failed",
    message: "git ls-tree failed with exit code 128: check that the repository and the commit exist.",
    details: { retryable: false },
  });
});
