// Small git repositories for end-to-end tests.
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

const identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];

/** Runs git and returns its stdout without the last line feed. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync("git", ["-C", folder, ...identity, ...args], {
    maxBuffer: 64 * 1024 * 1024,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).replace(/\n$/, "");
}

/** A package whose one function is wrong, so that its one test fails. */
export const counterFiles: Readonly<Record<string, string>> = {
  "package.json": '{ "name": "counter", "type": "module", "scripts": { "test": "node --test" } }\n',
  "src/sum.js": "export function sum(a, b) {\n  return a - b;\n}\n",
  "test/sum.test.js":
    'import assert from "node:assert/strict";\nimport { test } from "node:test";\n\nimport { sum } from "../src/sum.js";\n\ntest("sums", () => {\n  assert.equal(sum(1, 2), 3);\n});\n',
};

/** Writes files and commits them on `main`. */
export async function makeRepository(
  folder: string,
  files: Readonly<Record<string, string>> = counterFiles,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  git(folder, "init", "--quiet", "--initial-branch=main");
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  git(folder, "add", "--all");
  git(folder, "commit", "--quiet", "--allow-empty", "--message=First");
  return folder;
}

/** The repository of {@link counterFiles} whose one commit has the same id everywhere. */
export async function makeDatedRepository(folder: string): Promise<string> {
  await makeRepository(folder);
  const date = "2026-01-01T00:00:00Z";
  execFileSync("git", ["-C", folder, ...identity, "commit", "--quiet", "--amend", "--no-edit", `--date=${date}`], {
    env: { ...process.env, GIT_COMMITTER_DATE: date },
  });
  return folder;
}
