import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { detectRunner } from "./detect-runner.ts";
import { projectFolders } from "./project-folders.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());
let count = 0;

/** The runner of a tree that really lies on the disk. */
async function detect(files: Record<string, string>) {
  count += 1;
  const root = dir.at(String(count));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(`${root}/${path}`), { recursive: true });
    writeFileSync(`${root}/${path}`, content);
  }
  const placeOf = (folder: string) => folder;
  const paths = Object.keys(files);
  return detectRunner({ files: openWorkspaceFiles(root), paths, filter: undefined, placeOf });
}

const pkg = (test?: string, more: object = {}) =>
  JSON.stringify(test === undefined ? more : { scripts: { test }, ...more });

describe("a project below the root is tested where it is", () => {
  it.each([
    ["Maven", { "backend/pom.xml": "<project/>" }, "maven in backend", "mvn -o -B test"],
    [
      "Gradle",
      { "app/build.gradle.kts": "", "app/gradlew": "" },
      "gradle in app",
      "./gradlew --offline --no-daemon --continue cleanTest test",
    ],
    ["Cargo", { "native/Cargo.toml": "[package]" }, "cargo test in native", "cargo test --offline --no-fail-fast"],
    ["Go", { "cmd/tool/go.mod": "module x" }, "go test in cmd/tool", "go test -json ./..."],
    [
      "vitest",
      { "web/package.json": pkg("vitest run") },
      "vitest in web",
      "node_modules/.bin/vitest run --reporter=tap-flat",
    ],
    ["node:test", { "web/package.json": pkg("node --test") }, "node:test in web", "node --test-reporter=tap --test"],
    [
      "pytest",
      { "service/pyproject.toml": "[tool.pytest.ini_options]", "service/tests/test_a.py": "import pytest" },
      "pytest in service",
      "python3 -m pytest -q -rfE --tb=short --color=no -p no:cacheprovider",
    ],
  ])("%s", async (_what, files, name, argv) => {
    const runner = await detect({ "README.md": "", ...files });
    expect([runner?.name, runner?.argv.join(" ")]).toEqual([name, argv]);
    expect(runner?.cwd).toBe(name.split(" in ")[1]);
  });

  it("with its reports named from the root, and the projects that it leaves out", async () => {
    const files = { "a/pom.xml": "", "a/core/pom.xml": "", "b/go.mod": "module b" };
    const { cwd, reportFolders, others } = (await detect(files))!;
    expect({ cwd, reportFolders, others }).toEqual({
      cwd: "a",
      reportFolders: ["a/target/surefire-reports", "a/core/target/surefire-reports"],
      others: ["b"],
    });
  });

  it("unless the root says how it is tested", async () => {
    const runner = await detect({ "package.json": pkg("node --test"), "backend/pom.xml": "" });
    expect([runner?.name, runner?.cwd]).toEqual(["node:test", undefined]);
  });
});

describe("a workspace is tested whole from its root", () => {
  it.each([
    [
      "npm",
      { "package.json": pkg(undefined, { workspaces: ["packages/*"] }), "packages/a/package.json": pkg("node --test") },
      "npm test --workspaces --if-present --silent",
    ],
    [
      "Cargo",
      { "Cargo.toml": '[workspace]\nmembers = ["a"]\n', "a/Cargo.toml": "[package]" },
      "cargo test --offline --no-fail-fast --workspace",
    ],
    [
      "Go",
      { "go.work": "go 1.26\n\nuse (\n\t./a\n\t./lib/b // shared\n)\n", "a/go.mod": "", "lib/b/go.mod": "" },
      "go test -json ./a/... ./lib/b/...",
    ],
    ["Go with one line", { "go.work": "go 1.26\nuse ./a\n", "a/go.mod": "" }, "go test -json ./a/..."],
  ])("%s", async (_what, files, argv) => {
    const runner = await detect(files);
    expect([runner?.argv.join(" "), runner?.cwd]).toEqual([argv, undefined]);
  });
});

describe("folders that are tried", () => {
  it("are the shallow ones first, and none of dependencies, fixtures and examples", () => {
    const paths = [
      "z/pom.xml",
      "a/b/go.mod",
      "a/b/c/d/go.mod",
      "node_modules/x/package.json",
      "test/fixtures/p/pom.xml",
    ];
    expect(projectFolders([...paths, "examples/e/Cargo.toml", "vendor/v/go.mod", "README.md"])).toEqual(["z", "a/b"]);
  });
});
