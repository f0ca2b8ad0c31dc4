import { Envelope } from "@ossaat/contracts";
import { describe, expect, it } from "vitest";

import { checkEnvelope, checkWritePath } from "./check-envelope.ts";

const envelope = Envelope.parse({
  tools: ["read_file", "edit_file", "write_file", "apply_patch", "run_command", "run_tests"],
  paths: ["src/**", "docs/*.md", "app/[id]/page.tsx", "AGENTS.md"],
  commands: ["npm test", "npx vitest run", "sh", "npx", "make", "pnpm", "npm exec", "npm exec -- tsc", "git"],
});
const run = (...argv: string[]) => checkEnvelope(envelope, { tool: "run_command", input: { argv } });

describe("checkEnvelope", () => {
  it("allows a tool call inside", () => {
    expect(checkEnvelope(envelope, { tool: "read_file", input: { path: "anywhere.txt" } })).toEqual({ inside: true });
    expect(checkEnvelope(envelope, { tool: "run_tests", input: {} })).toEqual({ inside: true });
    expect(
      checkEnvelope(envelope, { tool: "edit_file", input: { path: "./src/.hidden/a.ts", oldText: "a", newText: "b" } }),
    ).toEqual({ inside: true });
  });

  it("names what lies outside", () => {
    expect(checkEnvelope(envelope, { tool: "write_file", input: { path: "README.md", content: "" } })).toEqual({
      inside: false,
      reason: "outside_envelope",
      what: "write to README.md",
      approvable: true,
    });
    expect(checkEnvelope(envelope, { tool: "git_log", input: {} })).toMatchObject({ what: "use the tool git_log" });
    expect(checkEnvelope(envelope, { tool: "nope", input: {} })).toMatchObject({ inside: false, approvable: false });
  });

  it("protects configuration even where a glob covers it, unless named literally", () => {
    const wide = Envelope.parse({ tools: ["write_file"], paths: ["**"] });
    expect(checkWritePath(wide, ".github/workflows/ci.yml")).toEqual({
      inside: false,
      reason: "protected_path",
      what: "write to .github/workflows/ci.yml",
      approvable: true,
    });
    expect(checkWritePath(wide, "src/.env")).toMatchObject({ reason: "protected_path" });
    expect(checkWritePath(envelope, "AGENTS.md")).toEqual({ inside: true });
    expect(checkWritePath(wide, "AGENTS.md")).toMatchObject({ reason: "protected_path" });
  });

  it("matches a literal path with glob characters", () => {
    expect(checkWritePath(envelope, "app/[id]/page.tsx")).toEqual({ inside: true });
    expect(checkWritePath(envelope, "docs/a/b.md")).toMatchObject({ inside: false });
    expect(checkWritePath(Envelope.parse({ paths: ["!src/**"] }), "README.md")).toMatchObject({ inside: false });
  });

  it("never approves a path that leaves the workspace", () => {
    for (const path of ["../x", "/etc/passwd", "src/../../x", ".git/config", "src\\..\\x", "src/\0"]) {
      expect(checkWritePath(envelope, path)).toMatchObject({ inside: false, approvable: false });
      expect(checkEnvelope(envelope, { tool: "read_file", input: { path } })).toMatchObject({ approvable: false });
    }
  });

  it("looks at every path of a patch", () => {
    const patch = (from: string, to: string) => `--- ${from}\n+++ ${to}\n@@ -1 +1 @@\n-a\n+b\n`;
    const check = (text: string) => checkEnvelope(envelope, { tool: "apply_patch", input: { patch: text } });
    expect(check(patch("a/src/a.ts", "b/src/a.ts"))).toEqual({ inside: true });
    expect(check(patch("a/src/a.ts", "b/src/a.ts") + patch("/dev/null", "b/.npmrc"))).toMatchObject({
      reason: "protected_path",
    });
    expect(check(patch("a/README.md", "/dev/null"))).toMatchObject({ what: "write to README.md" });
    expect(check("rename from src/a.ts\nrename to package.json\n")).toMatchObject({ what: "write to package.json" });
    expect(check(patch("a/src/a.ts", "b/../x"))).toMatchObject({ approvable: false });
    expect(check("nothing here")).toMatchObject({ approvable: false });
  });
});

describe("command prefixes", () => {
  it("compares whole words", () => {
    expect(run("npm", "test")).toEqual({ inside: true });
    expect(run("npm", "test", "--", "-t", "x y")).toEqual({ inside: true });
    expect(run("npm", "tests")).toMatchObject({ what: "run npm tests" });
    expect(run("npm")).toMatchObject({ inside: false });
    expect(run("npm test")).toMatchObject({ inside: false });
    expect(run("./npm", "test")).toMatchObject({ inside: false });
  });

  it.each([
    ["sh", "-c", "npm test"],
    ["bash", "-lc", "npm test"],
    ["/bin/sh", "-c", "x"],
    ["env", "X=1", "npm", "test"],
    ["xargs", "npm", "test"],
    ["timeout", "5", "npm", "test"],
    ["nice", "npm", "test"],
    ["npx", "anything"],
    ["npm", "exec", "--", "rm", "-rf", "x"],
    ["pnpm", "dlx", "rm"],
    ["git", "-c", "alias.x=!rm x", "x"],
    ["git", "rebase", "--exec", "rm x"],
    ["npm", "test\0"],
  ])("does not reach through a wrapper: %s %s %s", (...argv) => {
    expect(run(...argv)).toMatchObject({ inside: false });
  });

  it("covers a wrapper whose wrapped program is named", () => {
    expect(run("npx", "vitest", "run", "-t", "x")).toEqual({ inside: true });
    expect(run("npx", "vitest")).toMatchObject({ inside: false });
    expect(run("npm", "exec", "--", "tsc", "-p", ".")).toEqual({ inside: true });
    expect([run("pnpm", "test"), run("git", "-C", "src", "log"), run("git", "commit", "-c", "HEAD")]).toEqual(
      Array.from({ length: 3 }, () => ({ inside: true })),
    );
  });

  it("checks the folder", () => {
    const input = { argv: ["make"], cwd: "../other" };
    expect(checkEnvelope(envelope, { tool: "run_command", input })).toMatchObject({ approvable: false });
  });
});
