import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isProtectedPath, normalizePath } from "./paths.ts";

describe("normalizePath", () => {
  it.each([
    ["src/a.ts", "src/a.ts"],
    ["./src//a.ts", "src/a.ts"],
    [".", "."],
    ["src/", "src"],
    [".gitignore", ".gitignore"],
    ["a/..b/c...d", "a/..b/c...d"],
    ["app/[id]/page.tsx", "app/[id]/page.tsx"],
    ["Übung/naïve.md", "Übung/naïve.md"],
  ])("keeps %j", (path, expected) => {
    expect(normalizePath(path)).toEqual({ ok: true, path: expected });
  });

  it.each([
    "",
    "/etc/passwd",
    "//etc",
    "~/.ssh/id",
    "C:/x",
    "..",
    "../a",
    "a/../../b",
    "a/..",
    "...",
    "a/.. /b",
    "a\\b",
    "..\\..\\x",
    "a\0b",
    "a\nb",
    "%2e%2e/etc",
    "a%2Fb",
    "a%5cb",
    ".git",
    ".git/hooks/x",
    ".GIT/config",
    "sub/.Git/x",
    ".git.",
    ".git /x",
    "git~1/x",
    ".g\u200cit/config",
    "．．/x",
    ".git::$INDEX_ALLOCATION/x",
  ])("refuses %j", (path) => {
    expect(normalizePath(path)).toMatchObject({ ok: false });
  });

  it("never lets a segment leave the root, whatever the text", () => {
    const piece = fc.constantFrom("..", ".", "a", "/", "\\", ".git", "%2e", "\0", " ", "．", "b.ts", "~");
    const holds = fc.check(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const checked = normalizePath(pieces.join(""));
        if (!checked.ok) return true;
        const segments = checked.path.split("/");
        return !checked.path.startsWith("/") && !segments.includes("..") && !segments.includes(".git");
      }),
    );
    expect(fc.defaultReportMessage(holds)).toBeUndefined();
  });
});

describe("isProtectedPath", () => {
  it.each([
    ".github/workflows/ci.yml",
    ".GitHub/Workflows/ci.yml",
    ".github/workflows./ci.yml",
    ".gitlab-ci.yml",
    ".gitattributes",
    "sub/.gitattributes",
    ".gitmodules",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".github/CODEOWNERS",
    "AGENTS.md",
    "packages/a/AGENTS.md",
    "agents/x/agent.md",
    ".plans/p/plan.json",
    ".ossaat/config.json",
    ".vscode/tasks.json",
    ".devcontainer/devcontainer.json",
    ".mcp.json",
    ".claude/settings.json",
    ".cursor/rules",
    ".npmrc",
    "sub/.npmrc",
    ".env",
    ".env.local",
    "sub/.ENV",
    ".envrc",
    ".env/x",
    ".github/ISSUE_TEMPLATE/bug.md",
    ".github/dependabot.yml",
    ".github",
    ".gitlab/ci/build.yml",
    ".gitea/workflows/a.yml",
    ".forgejo/workflows/a.yml",
    ".circleci/config.yml",
    ".buildkite/pipeline.yml",
    ".semaphore/semaphore.yml",
    ".woodpecker/build.yml",
    ".woodpecker.yml",
    ".travis.yml",
    ".drone.yml",
    ".cirrus.yml",
    "azure-pipelines.yml",
    "build/azure-pipelines.yaml",
    "bitbucket-pipelines.yml",
    "appveyor.yml",
    "cloudbuild.yaml",
    "buildspec.yml",
    "Jenkinsfile",
    "ci/Jenkinsfile",
    ".pre-commit-config.yaml",
    ".pre-commit-hooks.yaml",
    "lefthook.yml",
    ".lefthook.yaml",
    "lefthook-local.yml",
    ".husky/pre-commit",
    ".windsurf/rules/a.md",
    ".windsurfrules",
    ".cursorrules",
    ".idea/workspace.xml",
    ".codex/config.toml",
    ".gemini/settings.json",
  ])("protects %s", (path) => {
    expect(isProtectedPath(path)).toBe(true);
  });

  it.each([
    ".gitignore",
    "src/.gitkeep",
    "src/jenkinsfile.ts",
    "lefthook.md",
    "docs/github/a.md",
    "src/agents/a.ts",
    "agents",
    "environment.ts",
  ])("leaves %s alone", (path) => {
    expect(isProtectedPath(path)).toBe(false);
  });
});
