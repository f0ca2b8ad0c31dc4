import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Envelope } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openRunner, shellArgv, wideEnvelope } from "../testing/open-runner.ts";
import type { OpenRunner } from "../testing/open-runner.ts";

let open: OpenRunner;

beforeAll(async () => {
  open = await openRunner({ "README.md": "# Title\n", "src/a.ts": "one\ntwo\nthree\n" });
  writeFileSync(join(open.stateDir, "outside.txt"), "outside");
  symlinkSync("../../../outside.txt", join(open.tree, "link.txt"));
  symlinkSync("../../..", join(open.tree, "link-folder"));
});
afterAll(() => open.close());

const outside = () => readFileSync(join(open.stateDir, "outside.txt"), "utf8");

describe("edit_file", () => {
  const edit = (path: string, oldText: string, newText: string, more: object = {}) =>
    open.call("edit_file", { path, oldText, newText, ...more });

  it("replaces the one place and says where", async () => {
    open.write("e1.txt", "a\nb\nc\n");
    const outcome = await edit("./e1.txt", "b\n", "B\nB2\n");
    expect(outcome).toMatchObject({ state: "completed", text: "Edited ./e1.txt at line 2." });
    expect(outcome.output?.changedPaths).toEqual(["e1.txt"]);
    expect(outcome.output?.snapshot).toMatch(/^[0-9a-f]{40}$/u);
    expect(open.read("e1.txt")).toBe("a\nB\nB2\nc\n");
  });

  it("keeps line ends, byte order mark, mode and a missing last line end", async () => {
    open.write("crlf.txt", "\uFEFFa\r\nb\r\nc");
    chmodSync(join(open.tree, "crlf.txt"), 0o755);
    await edit("crlf.txt", "a\nb", "x\ny\nz");
    expect(open.read("crlf.txt")).toBe("\uFEFFx\r\ny\r\nz\r\nc");
    expect(statSync(join(open.tree, "crlf.txt")).mode & 0o777).toBe(0o755);
  });

  it("replaces every place when told so", async () => {
    open.write("all.txt", "x1 x2 x3");
    expect(await edit("all.txt", "x", "y", { replaceAll: true })).toMatchObject({
      text: "Edited all.txt at 3 places.",
    });
    expect(open.read("all.txt")).toBe("y1 y2 y3");
  });

  it("refuses an ambiguous text and shows the places", async () => {
    open.write("amb.txt", "start\nsame\nmiddle\nsame\nend\n");
    const outcome = await edit("amb.txt", "same", "other");
    expect(outcome).toEqual({
      state: "failed",
      text: "",
      code: "conflict",
      message:
        "oldText occurs 2 times in amb.txt; nothing was changed. Add surrounding lines so that it is unique, or set replaceAll. Places:\n" +
        "     1 | start\n     2 | same\n     3 | middle\n  --\n     3 | middle\n     4 | same\n     5 | end",
    });
    expect(open.read("amb.txt")).toBe("start\nsame\nmiddle\nsame\nend\n");
  });

  it("refuses a stale text and shows the nearest lines", async () => {
    open.write(
      "stale.ts",
      "import x from 'x';\n\nfunction total(items: Item[]): number {\n  return items.length;\n}\n",
    );
    const outcome = await edit("stale.ts", "function total(items: string[]): number {\n  return 0;", "x");
    expect(outcome).toMatchObject({ state: "failed", code: "conflict" });
    expect(outcome.message).toContain("oldText does not occur in stale.ts; nothing was changed.");
    expect(outcome.message).toContain("     3 | function total(items: Item[]): number {");
    const nothing = await edit("stale.ts", "zebra quartz", "x");
    expect(nothing.message).toContain("Nothing like it is there either: read the file again.");
  });

  it.each([
    ["trailing space", "if (a) {  \n  b();\n}\n", "if (a) {\n  b();", "if (c) {\n  d();", "if (c) {  \n  d();\n}\n"],
    [
      "indentation",
      "  if (a) {\n    b();\n  }\n",
      "if (a) {\n  b();\n}",
      "if (a) {\n  c();\n}",
      "  if (a) {\n    c();\n  }\n",
    ],
    ["typographic characters", "say(‘hi’) – now\n", "say('hi') - now", "say('ho') - now", "say(‘ho’) – now\n"],
    ["line ends of the request", "a\nb\nc\n", "a\r\nb", "x\r\ny", "x\ny\nc\n"],
  ])("is tolerant about %s", async (_name, before, oldText, newText, after) => {
    open.write("tolerant.txt", before);
    expect(await edit("tolerant.txt", oldText, newText)).toMatchObject({ state: "completed" });
    expect(open.read("tolerant.txt")).toBe(after);
  });

  it("says what it was tolerant about, and what it kept", async () => {
    open.write("told.txt", "class A {\n    say(‘a’);  \n}\n");
    const outcome = await edit("told.txt", "  say('a');", "  say('a');\n  stop();");
    expect(outcome.text).toBe(
      "Edited told.txt at line 2.\n[oldText matched but for space at line ends, where the file keeps its own; look-alike characters, where the file keeps its own; indentation, which was fitted to the file's]",
    );
    expect(open.read("told.txt")).toBe("class A {\n    say(‘a’);  \n    stop();\n}\n");
  });

  it("takes the words that a person approved and no others", async () => {
    open.write("approved.txt", "  if (a) {\n    b();\n  }\n");
    const input = { path: "approved.txt", oldText: "if (a) {\n  b();\n}", newText: "if (a) {\n  c();\n}" };
    const envelope = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
    const refused = await open.call("edit_file", input, { envelope, approvedOutside: true });
    expect(refused).toMatchObject({ state: "failed", code: "conflict" });
    expect(refused.message).toContain("line 1: the file indents it by 2 spaces, the edit by none");
    const text = "--- a/approved.txt\n+++ b/approved.txt\n@@ -2 +2 @@\n-b();\n+c();\n";
    const patched = await open.call("apply_patch", { patch: text }, { envelope, approvedOutside: true });
    expect(patched).toMatchObject({ state: "failed", code: "conflict" });
    expect(open.read("approved.txt")).toBe("  if (a) {\n    b();\n  }\n");
    const exact = { path: "approved.txt", oldText: "    b();", newText: "    c();" };
    expect(await open.call("edit_file", exact, { envelope, approvedOutside: true })).toMatchObject({
      state: "completed",
    });
    expect(open.read("approved.txt")).toBe("  if (a) {\n    c();\n  }\n");
  });

  it("is tolerant only where one place fits", async () => {
    open.write("drift.txt", "  same\nx\n\tsame\n");
    expect(await edit("drift.txt", "    same", "y")).toMatchObject({ code: "conflict" });
    expect(open.read("drift.txt")).toBe("  same\nx\n\tsame\n");
  });

  it("counts overlapping places as several", async () => {
    open.write("overlap.txt", "}\n}\n}\n");
    expect(await edit("overlap.txt", "}\n}\n", "end\n")).toMatchObject({ code: "conflict" });
  });

  it("refuses what is no text to edit", async () => {
    open.write("bin", Buffer.from([1, 0, 2]));
    open.write("latin1.txt", Buffer.from([0x63, 0xe9]));
    open.write("huge.txt", Buffer.alloc(8 * 1024 * 1024 + 1, "a"));
    expect(await edit("bin", "a", "b")).toMatchObject({ code: "invalid_input", message: "bin is a binary file." });
    expect(await edit("latin1.txt", "c", "b")).toMatchObject({
      code: "invalid_input",
      message: "latin1.txt is not UTF-8 text.",
    });
    expect(await edit("huge.txt", "a", "b")).toMatchObject({ code: "limit_exceeded" });
    expect(await edit("missing.txt", "a", "b")).toMatchObject({ code: "not_found" });
    expect(await edit("src", "a", "b")).toMatchObject({ code: "invalid_input" });
    expect(await edit("README.md", "Title", "Title")).toMatchObject({ code: "invalid_input" });
  });
});

describe("write_file", () => {
  const write = (path: string, content: string, more: object = {}) =>
    open.call("write_file", { path, content, ...more });

  it("creates a file and the folders to it", async () => {
    expect(await write("new/deep/file.txt", "hello\n")).toMatchObject({
      state: "completed",
      text: "Created new/deep/file.txt (6 bytes).",
    });
    expect(open.read("new/deep/file.txt")).toBe("hello\n");
  });

  it("replaces only when told so, and keeps the mode", async () => {
    open.write("script.sh", "#!/bin/sh\n");
    chmodSync(join(open.tree, "script.sh"), 0o755);
    expect(await write("script.sh", "x")).toMatchObject({ state: "failed", code: "conflict" });
    expect(await write("script.sh", "x", { overwrite: true })).toMatchObject({ text: "Replaced script.sh (1 bytes)." });
    expect(statSync(join(open.tree, "script.sh")).mode & 0o777).toBe(0o755);
  });

  it.each([
    "../outside.txt",
    "/tmp/x",
    "..\\outside.txt",
    "a/\0",
    ".git/hooks/pre-commit",
    "sub/.git/config",
    ".GIT/x",
    ".",
  ])("refuses %j", async (path) => {
    expect(await write(path, "x", { overwrite: true })).toMatchObject({ state: "failed", code: "policy_denied" });
  });

  it.each(["link.txt", "link-folder/outside.txt", "link-folder/new.txt", "README.md/x"])(
    "writes through no link: %s",
    async (path) => {
      expect(await write(path, "changed", { overwrite: true })).toMatchObject({
        state: "failed",
        code: "invalid_input",
      });
      expect(outside()).toBe("outside");
    },
  );

  it("keeps to the envelope, and to protected paths even in a wide one", async () => {
    const envelope = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
    const call = (path: string, changes: object = {}) =>
      open.call("write_file", { path, content: "x" }, { envelope, ...changes });
    expect(await call("src/ok.ts")).toMatchObject({ state: "completed" });
    expect(await call("docs/no.md")).toMatchObject({ state: "failed", code: "policy_denied" });
    expect(await call("docs/yes.md", { approvedOutside: true })).toMatchObject({ state: "completed" });
    expect(await call("../no.md", { approvedOutside: true })).toMatchObject({ state: "failed", code: "policy_denied" });
    expect(await write(".github/workflows/ci.yml", "x")).toMatchObject({ state: "failed", code: "policy_denied" });
    expect(await write("AGENTS.md", "x")).toMatchObject({ state: "failed", code: "policy_denied" });
    expect(open.has("docs/no.md")).toBe(false);
  });
});

describe("apply_patch", () => {
  const patch = (text: string, changes: object = {}) => open.call("apply_patch", { patch: text }, changes);

  it("changes, creates, deletes and renames in one go", async () => {
    open.write("p/change.txt", "1\n2\n3\n4\n");
    open.write("p/gone.txt", "bye\n");
    open.write("p/move.txt", "stay\nput\n");
    const outcome = await patch(
      [
        "--- a/p/change.txt\n+++ b/p/change.txt\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n",
        "--- /dev/null\n+++ b/p/new.txt\n@@ -0,0 +1,2 @@\n+fresh\n+file\n",
        "--- a/p/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n",
        "diff --git a/p/move.txt b/p/moved.txt\nrename from p/move.txt\nrename to p/moved.txt\n--- a/p/move.txt\n+++ b/p/moved.txt\n@@ -1,2 +1,2 @@\n stay\n-put\n+here\n",
      ].join(""),
    );
    expect(outcome).toMatchObject({ state: "completed" });
    expect(outcome.output?.changedPaths).toEqual([
      "p/change.txt",
      "p/gone.txt",
      "p/move.txt",
      "p/moved.txt",
      "p/new.txt",
    ]);
    expect([open.read("p/change.txt"), open.read("p/new.txt"), open.read("p/moved.txt")]).toEqual([
      "1\ntwo\n3\n4\n",
      "fresh\nfile\n",
      "stay\nhere\n",
    ]);
    expect([open.has("p/gone.txt"), open.has("p/move.txt")]).toEqual([false, false]);
  });

  it("finds lines that moved, whatever the numbers say, and forgives trailing space and bare empty lines", async () => {
    open.write("moved.txt", `${"filler\n".repeat(20)}alpha  \n\nbeta\n`);
    expect(await patch("--- a/moved.txt\n+++ b/moved.txt\n@@ -1,3 +1,3 @@\n alpha\n\n-beta\n+BETA\n")).toMatchObject({
      state: "completed",
    });
    expect(open.read("moved.txt")).toBe(`${"filler\n".repeat(20)}alpha  \n\nBETA\n`);
  });

  it("keeps CRLF and makes executable files", async () => {
    open.write("crlf-patch.txt", "a\r\nb\r\n");
    await patch("--- a/crlf-patch.txt\n+++ b/crlf-patch.txt\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    expect(open.read("crlf-patch.txt")).toBe("a\r\nc\r\n");
    await patch(
      "diff --git a/run.sh b/run.sh\nnew file mode 100755\n--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+#!/bin/sh\n",
    );
    expect(statSync(join(open.tree, "run.sh")).mode & 0o777).toBe(0o755);
  });

  it("handles a missing last line end both ways", async () => {
    open.write("eof.txt", "a\nb");
    await patch("--- a/eof.txt\n+++ b/eof.txt\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
    expect(open.read("eof.txt")).toBe("a\nb\n");
    await patch("--- a/eof.txt\n+++ b/eof.txt\n@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n");
    expect(open.read("eof.txt")).toBe("a\nb");
  });

  it("changes nothing at all when one hunk does not fit", async () => {
    open.write("good.txt", "good\n");
    open.write("bad.txt", "other\n");
    const before = (await open.call("git_status", {})).text;
    const outcome = await patch(
      "--- a/good.txt\n+++ b/good.txt\n@@ -1 +1 @@\n-good\n+better\n--- a/bad.txt\n+++ b/bad.txt\n@@ -1 +1 @@\n-missing line\n+x\n",
    );
    expect(outcome).toMatchObject({ state: "failed", code: "conflict" });
    expect(outcome.message).toContain('Hunk "@@ -1 +1 @@" of bad.txt does not apply.');
    expect(open.read("good.txt")).toBe("good\n");
    expect((await open.call("git_status", {})).text).toBe(before);
  });

  it("says which hunk was matched with tolerance", async () => {
    open.write("told-patch.go", "func f() {\n\tfor {\n\t\tstep()\n\t}\n}\n");
    const hunk = "@@ -1,3 +1,4 @@\n func f() {\n     for {\n         step()\n+        more()\n";
    const outcome = await patch(`--- a/told-patch.go\n+++ b/told-patch.go\n${hunk}`);
    expect(outcome.text).toBe(
      'Applied the patch to told-patch.go.\n[Hunk "@@ -1,3 +1,4 @@" of told-patch.go matched but for indentation, which was fitted to the file\'s]',
    );
    expect(open.read("told-patch.go")).toBe("func f() {\n\tfor {\n\t\tstep()\n\t\tmore()\n\t}\n}\n");
  });

  it("refuses an ambiguous hunk and names the places", async () => {
    open.write("twice.txt", "a\nx\na\nx\n");
    expect((await patch("--- a/twice.txt\n+++ b/twice.txt\n@@ -3,2 +3,2 @@\n a\n-x\n+y\n")).message).toContain(
      "fits 2 places (lines 1, 3)",
    );
  });

  it("does not claim success for a patch that changes nothing", async () => {
    open.write("same.txt", "a\r\nb\r\n");
    expect(await patch("--- a/same.txt\n+++ b/same.txt\n@@ -1 +1 @@\n-a\r\n+a\n")).toMatchObject({
      state: "failed",
      code: "conflict",
    });
  });

  it("does not create what exists, delete half or touch one file twice", async () => {
    open.write("here.txt", "1\n2\n");
    expect(await patch("--- /dev/null\n+++ b/here.txt\n@@ -0,0 +1 @@\n+x\n")).toMatchObject({ code: "conflict" });
    expect(await patch("--- a/here.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n")).toMatchObject({ code: "conflict" });
    const hunk = "--- a/here.txt\n+++ b/here.txt\n@@ -1 +1 @@\n-1\n+x\n";
    expect(await patch(hunk + hunk)).toMatchObject({ code: "invalid_input" });
    expect(open.read("here.txt")).toBe("1\n2\n");
  });

  it("keeps two files apart when a pure rename comes before another header", async () => {
    open.write("r/from.txt", "kept\n");
    open.write("r/gone.txt", "dropped\n");
    await patch(
      "rename from r/from.txt\nrename to r/to.txt\n--- a/r/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-dropped\n",
    );
    expect(open.read("r/to.txt")).toBe("kept\n");
    expect([open.has("r/from.txt"), open.has("r/gone.txt")]).toEqual([false, false]);
  });

  it.each([
    ["no file", "just words\n", "policy_denied"],
    ["a hunk without a file", "@@ -1 +1 @@\n-a\n+b\n", "policy_denied"],
    ["a stray line in a hunk", "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# Title\n*+x\n", "invalid_input"],
    ["binary content", "diff --git a/x.bin b/x.bin\nGIT binary patch\nliteral 3\n", "invalid_input"],
    ["two missing sides", "--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "policy_denied"],
    ["a way out", "--- a/README.md\n+++ b/../x\n@@ -1 +1 @@\n-# Title\n+b\n", "policy_denied"],
    ["an absolute path", "--- /dev/null\n+++ /etc/cron.d/x\n@@ -0,0 +1 @@\n+b\n", "policy_denied"],
    ["a git dir", "--- /dev/null\n+++ b/.git/hooks/post-checkout\n@@ -0,0 +1 @@\n+b\n", "policy_denied"],
    ["a protected file", "--- /dev/null\n+++ b/.github/workflows/x.yml\n@@ -0,0 +1 @@\n+b\n", "policy_denied"],
    ["a rename out", "rename from README.md\nrename to ../../x\n", "policy_denied"],
    ["a linked folder", "--- /dev/null\n+++ b/link-folder/x\n@@ -0,0 +1 @@\n+b\n", "invalid_input"],
  ])("refuses %s", async (_name, text, code) => {
    expect(await patch(text)).toMatchObject({ state: "failed", code });
    expect(open.read("README.md")).toBe("# Title\n");
  });

  it("keeps to the envelope with every path of the patch", async () => {
    const envelope = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
    open.write("src/in.txt", "in\n");
    const inside = "--- a/src/in.txt\n+++ b/src/in.txt\n@@ -1 +1 @@\n-in\n+IN\n";
    const both = `${inside}--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# Title\n+# X\n`;
    expect(await patch(both, { envelope })).toMatchObject({ state: "failed", code: "policy_denied" });
    expect(open.read("src/in.txt")).toBe("in\n");
    expect(await patch(inside, { envelope })).toMatchObject({ state: "completed" });
  });
});

describe("files hidden by .gitignore", () => {
  const narrow = Envelope.parse({ ...wideEnvelope, paths: ["src/**", ".gitignore"] });
  const outsideOnly = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
  const command = (script: string, envelope: Envelope) =>
    open.call("run_command", { argv: shellArgv(script) }, { envelope });

  it("are undone together with the ignore file that hid them", async () => {
    const script =
      "mkdir -p h/h2; echo x > evil.js; echo x > h/evil.js; echo evil.js > h/.gitignore; echo evil.js > .gitignore; echo h >> .gitignore";
    const outcome = await command(script, outsideOnly);
    expect(outcome.output?.revertedPaths).toEqual([".gitignore", "evil.js", "h/.gitignore", "h/evil.js"]);
    expect([open.has("evil.js"), open.has("h/evil.js"), open.has(".gitignore")]).toEqual([false, false, false]);
  });

  it("do not come into the tree by a later change of the ignore file", async () => {
    await command("echo hidden.js > .gitignore; echo x > hidden.js", narrow);
    expect(open.has("hidden.js")).toBe(true);
    const edited = await open.call(
      "write_file",
      { path: ".gitignore", content: "", overwrite: true },
      { envelope: narrow },
    );
    expect(edited.output).toMatchObject({ changedPaths: [".gitignore"], revertedPaths: ["hidden.js"] });
    expect(open.has("hidden.js")).toBe(false);
  });
});
