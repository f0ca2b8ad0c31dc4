// Real git repositories for tests, written with one `git fast-import`.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { RepositoryRef } from "@ossaat/contracts";

export type TestFile = { path: string | Buffer; content: string | Buffer; mode?: "100644" | "120000" | "160000" };

export type TestCommit = { message: string; files: readonly TestFile[] | Readonly<Record<string, string>> };

export type TestRepository = { ref: RepositoryRef; commits: string[]; remove(): void };

function quoted(path: string | Buffer): string {
  const bytes = Buffer.from(path as string);
  const escaped = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`);
  return `"${escaped.join("")}"`;
}

function dataOf(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n")]);
}

function fileCommand({ path, content, mode = "100644" }: TestFile): Buffer {
  if (mode === "160000") return Buffer.from(`M 160000 ${content.toString()} ${quoted(path)}\n`);
  return Buffer.concat([Buffer.from(`M ${mode} inline ${quoted(path)}\n`), dataOf(content)]);
}

function commitCommand({ message, files }: TestCommit, index: number): Buffer {
  const list = Array.isArray(files)
    ? (files as readonly TestFile[])
    : Object.entries(files as Readonly<Record<string, string>>).map(([path, content]) => ({ path, content }));
  const when = 1_700_000_000 + index * 86_400;
  const head = `commit refs/heads/main\ncommitter Test <test@example.org> ${when} +0000\n`;
  return Buffer.concat([Buffer.from(head), dataOf(message), ...list.map(fileCommand), Buffer.from("\n")]);
}

/** A repository without a checkout; each commit adds to or replaces the files before. */
export function makeRepository(...commits: TestCommit[]): TestRepository {
  const root = mkdtempSync(join(tmpdir(), "ossaat-index-"));
  const git = (args: string[], input?: Buffer) =>
    execFileSync("git", args, {
      cwd: root,
      input,
      stdio: ["pipe", "pipe", "ignore"],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
    }).toString();
  git(["init", "-q", "-b", "main"]);
  git(["fast-import", "--quiet"], Buffer.concat(commits.map(commitCommand)));
  const ids = git(["rev-list", "--reverse", "main"]).trim().split("\n");
  const ref = { tenantId: "test", root, commit: ids.at(-1) ?? "" };
  return { ref, commits: ids, remove: () => rmSync(root, { recursive: true, force: true }) };
}
