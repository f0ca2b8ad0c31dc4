import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { toolLimits } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openRunner } from "../testing/open-runner.ts";
import type { OpenRunner } from "../testing/open-runner.ts";

let open: OpenRunner;

beforeAll(async () => {
  open = await openRunner({
    "README.md": "# Title\n\nSome words.\n",
    "src/a.ts": "export const a = 1;\nexport const b = a - 2;\n",
    "src/deep/b.ts": "foo-bar\nFOO-BAR\nfoo.bar\n",
    "src/crlf.txt": "one\r\ntwo\r\nthree\r\n",
    "name with space.txt": "spaced\n",
    "ümlaut.txt": "ü\n",
    "empty.txt": "",
    "binary.bin": Buffer.from([0x7f, 0x45, 0, 1, 2]),
    "latin1.txt": Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x0a]),
    "bom.txt": "\uFEFFfirst\nsecond",
    ".gitignore": "ignored/\n*.log\n",
  });
  open.write("ignored/secret.txt", "needle-ignored");
  open.write("out.log", "needle-ignored");
  open.write("untracked.txt", "new file with needle\n");
  writeFileSync(join(open.stateDir, "outside.txt"), "outside needle");
  symlinkSync("../../../outside.txt", join(open.tree, "link.txt"));
  symlinkSync("../../..", join(open.tree, "link-folder"));
  mkdirSync(join(open.tree, "hollow"));
});
afterAll(() => open.close());

const list = async (input: object) => (await open.call("list_files", input)).text;

describe("list_files", () => {
  it("lists what is not ignored, untracked files and links included", async () => {
    expect((await list({})).split("\n")).toEqual([
      ".gitignore",
      "README.md",
      "binary.bin",
      "bom.txt",
      "empty.txt",
      "latin1.txt",
      "link-folder",
      "link.txt",
      "name with space.txt",
      "src/a.ts",
      "src/crlf.txt",
      "src/deep/b.ts",
      "untracked.txt",
      "ümlaut.txt",
    ]);
  });

  it("takes a folder and a pattern", async () => {
    expect(await list({ path: "src" })).toBe("src/a.ts\nsrc/crlf.txt\nsrc/deep/b.ts");
    expect(await list({ path: "./src/", glob: "*.ts" })).toBe("src/a.ts\nsrc/deep/b.ts");
    expect(await list({ glob: "src/*.ts" })).toBe("src/a.ts");
    expect(await list({ path: "src", glob: "deep/**" })).toBe("src/deep/b.ts");
    expect(await list({ path: "hollow" })).toBe("(no files)");
    expect(await list({ glob: "*.nothing" })).toBe("(no files)");
  });

  it("does not take a path for a git pattern", async () => {
    expect(await open.call("list_files", { path: ":(top)src" })).toMatchObject({ state: "failed", code: "not_found" });
    expect(await open.call("list_files", { path: "sr*" })).toMatchObject({ state: "failed", code: "not_found" });
  });

  it("shows a name with control characters as one visible line", async () => {
    open.write("two\nlines.txt", "x");
    expect(await list({ glob: "*lines.txt" })).toBe(String.raw`"two\nlines.txt"`);
  });
});

describe("read_file", () => {
  const read = (input: object) => open.call("read_file", input);

  it("numbers lines and says what is left out", async () => {
    expect(await read({ path: "src/a.ts" })).toEqual({
      state: "completed",
      text: "     1\texport const a = 1;\n     2\texport const b = a - 2;",
      output: { text: "     1\texport const a = 1;\n     2\texport const b = a - 2;" },
    });
    expect((await read({ path: "README.md", startLine: 2, endLine: 2 })).text).toBe("     2\t\n(3 lines in all)");
    expect((await read({ path: "README.md", startLine: 3, endLine: 99 })).text).toBe("     3\tSome words.");
  });

  it("hides line ends and byte order mark", async () => {
    expect((await read({ path: "src/crlf.txt" })).text).toBe("     1\tone\n     2\ttwo\n     3\tthree");
    expect((await read({ path: "bom.txt" })).text).toBe("     1\tfirst\n     2\tsecond");
  });

  it("reads an empty file, odd names and text that is not UTF-8", async () => {
    expect((await read({ path: "empty.txt" })).text).toBe("(the file is empty)");
    expect((await read({ path: "name with space.txt" })).text).toBe("     1\tspaced");
    expect((await read({ path: "ümlaut.txt" })).text).toBe("     1\tü");
    expect((await read({ path: "latin1.txt" })).text).toBe("     1\tcaf\uFFFD");
  });

  it("refuses what cannot be shown, with the reason", async () => {
    expect(await read({ path: "binary.bin" })).toMatchObject({
      code: "invalid_input",
      message: "binary.bin is a binary file (5 bytes).",
    });
    expect(await read({ path: "src" })).toMatchObject({
      code: "invalid_input",
      message: "src is a folder; list it instead.",
    });
    expect(await read({ path: "nothing.txt" })).toMatchObject({
      code: "not_found",
      message: "nothing.txt does not exist.",
    });
    expect(await read({ path: "README.md", startLine: 9 })).toMatchObject({
      code: "invalid_input",
      message: "README.md has 3 lines; line 9 does not exist.",
    });
    expect(await read({ path: "README.md", startLine: 3, endLine: 2 })).toMatchObject({ code: "invalid_input" });
    expect(await read({ path: "README.md/x" })).toMatchObject({ code: "invalid_input" });
  });

  it("bounds what it shows and says how to read on", async () => {
    const line = "x".repeat(99);
    open.write("big.txt", `${line}\n`.repeat(2_000));
    const first = await read({ path: "big.txt" });
    expect(Buffer.byteLength(first.text)).toBeLessThan(toolLimits.maxReadBytes + 200);
    const next = /read on with startLine (\d+)/u.exec(first.text)?.[1];
    const second = await read({ path: "big.txt", startLine: Number(next) });
    expect(second.text.startsWith(`${String(next).padStart(6)}\t${line}`)).toBe(true);
  });

  it("gets past a line that is too long to show", async () => {
    open.write("long.txt", `${"y".repeat(toolLimits.maxReadBytes + 10)}\nafter\n`);
    const first = await read({ path: "long.txt" });
    expect(first.text).toContain("a line of too many bytes to show");
    expect(first.text).toContain("read on with startLine 2");
    expect((await read({ path: "long.txt", startLine: 2 })).text).toBe("     2\tafter");
  });
});

describe("search_text", () => {
  const search = async (input: object) => (await open.call("search_text", input)).text;

  it("finds plain text with every character meant literally", async () => {
    expect(await search({ pattern: "foo-bar" })).toBe("src/deep/b.ts:1: foo-bar");
    expect(await search({ pattern: "foo.bar" })).toBe("src/deep/b.ts:3: foo.bar");
    expect(await search({ pattern: "foo-bar", caseSensitive: false })).toBe(
      "src/deep/b.ts:1: foo-bar\nsrc/deep/b.ts:2: FOO-BAR",
    );
    for (const pattern of ["a/b", "[x]", "(", "\\d", "^$", "{1}", "a|b", "é"])
      expect(await search({ pattern })).toBe("No matches.");
  });

  it("finds by expression and within a glob", async () => {
    expect(await search({ pattern: "^export const [ab]", regex: true })).toBe(
      "src/a.ts:1: export const a = 1;\nsrc/a.ts:2: export const b = a - 2;",
    );
    expect(await search({ pattern: "o", glob: "*.md" })).toBe("README.md:3: Some words.");
    expect(await search({ pattern: "two$", regex: true })).toBe("No matches.");
    expect(await search({ pattern: "two\\s*$", regex: true })).toBe("src/crlf.txt:2: two");
  });

  it("leaves out ignored files, binary files and what links lead to", async () => {
    expect(await search({ pattern: "needle" })).toBe("untracked.txt:1: new file with needle");
  });

  it("says what is wrong with an expression", async () => {
    expect(await open.call("search_text", { pattern: "(", regex: true })).toMatchObject({
      state: "failed",
      code: "invalid_input",
    });
  });

  it("bounds the number of matches", async () => {
    open.write("many.txt", "match me\n".repeat(500));
    const rows = (await search({ pattern: "match me" })).split("\n");
    expect(rows).toHaveLength(toolLimits.maxMatches + 1);
    expect(rows.at(-1)).toBe(`(only the first ${toolLimits.maxMatches} matches are shown)`);
  });

  it("ends when the call is cancelled, even in an expression that backtracks for ever", async () => {
    open.write("evil.txt", `${"a".repeat(60)}!`);
    const abort = new AbortController();
    const { makeInvocation, collectEvents, outcomeOf } = await import("../testing/open-runner.ts");
    const invocation = makeInvocation("search_text", { pattern: "^(a+)+$", regex: true, glob: "evil.txt" });
    setTimeout(() => abort.abort(), 150);
    const events = await collectEvents(open.tools.execute(invocation, { signal: abort.signal }));
    expect(outcomeOf(events)).toMatchObject({ state: "cancelled", code: "cancelled" });
  });
});

describe("paths that lead out", () => {
  const bad = [
    "../outside.txt",
    "src/../../outside.txt",
    "/etc/passwd",
    "..\\outside.txt",
    "src\\..\\..\\x",
    "src/\0/x",
    "~/x",
    "%2e%2e/outside.txt",
    ".git/config",
    "src/.git/HEAD",
    ".GIT/config",
    "/proc/self/environ",
  ];

  it.each(bad)("are refused before anything is opened: %j", async (path) => {
    for (const tool of ["read_file", "list_files", "git_diff", "git_log"] as const) {
      expect(await open.call(tool, { path })).toMatchObject({ state: "failed", code: "policy_denied" });
    }
  });

  it.each(["link.txt", "link-folder/outside.txt", "link-folder/repositories"])("are not followed: %s", async (path) => {
    const outcome = await open.call("read_file", { path });
    expect(outcome).toMatchObject({ state: "failed", code: "invalid_input" });
    expect(JSON.stringify(outcome)).not.toContain("outside needle");
  });

  it("do not show in a listing of a linked folder", async () => {
    expect(await open.call("list_files", { path: "link-folder" })).toMatchObject({
      state: "completed",
      text: "link-folder",
    });
  });
});

describe("git tools", () => {
  it("show changes since the base, and history", async () => {
    const fresh = await openRunner({ "a.txt": "one\ntwo\n", "old.txt": "same\nsame2\nsame3\n", "gone.txt": "x\n" });
    try {
      expect((await fresh.call("git_status", {})).text).toBe("Nothing changed since the base commit.");
      expect((await fresh.call("git_diff", {})).text).toBe("No difference.");
      await fresh.call("edit_file", { path: "a.txt", oldText: "two", newText: "2" });
      const patch = "rename from old.txt\nrename to new.txt\n--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
      await fresh.call("apply_patch", { patch });
      expect((await fresh.call("git_status", {})).text).toBe(
        "M a.txt (+1 -1)\nD gone.txt (+0 -1)\nR old.txt -> new.txt (+0 -0)",
      );
      const diff = await fresh.call("git_diff", { path: "a.txt" });
      expect(diff.text).toContain("-two\n+2\n");
      expect(diff.output?.diff?.files.map((file) => [file.path, file.status, file.additions])).toEqual([
        ["a.txt", "modified", 1],
      ]);
      expect((await fresh.call("git_log", {})).text).toMatch(/^[0-9a-f]{7} 2023-11-14 User: base$/u);
      expect((await fresh.call("git_log", { path: "none" })).text).toBe("No commits.");
    } finally {
      await fresh.close();
    }
  });
});
