import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { AgentError } from "@ossaat/contracts";
import { afterAll, expect, it } from "vitest";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { detectRunner } from "./detect-runner.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());
let count = 0;

const here = (folder: string) => folder;

async function detect(files: Record<string, string>, filter?: string, placeOf = here) {
  count += 1;
  const root = dir.at(String(count));
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(`${root}/${path}`), { recursive: true });
    writeFileSync(`${root}/${path}`, content);
  }
  const runner = await detectRunner({ files: openWorkspaceFiles(root), paths: Object.keys(files), filter, placeOf });
  return runner === undefined ? undefined : [runner.name, runner.argv.join(" ")];
}

const npm = (test: string, more: object = {}) => ({ "package.json": JSON.stringify({ scripts: { test }, ...more }) });

it.each([
  ["vitest by script", npm("vitest run"), "vitest", "node_modules/.bin/vitest run --reporter=tap-flat"],
  [
    "vitest by dependency",
    { "package.json": '{"devDependencies":{"vitest":"5"}}' },
    "vitest",
    "node_modules/.bin/vitest run --reporter=tap-flat",
  ],
  ["jest", npm("jest --coverage"), "jest", "node_modules/.bin/jest --json --testLocationInResults"],
  ["mocha", npm("npx mocha"), "mocha", "node_modules/.bin/mocha --reporter json"],
  ["node:test", npm("node --test src/"), "node:test", "node --test-reporter=tap --test src/"],
  ["node:test behind a shell", npm("node --test && echo ok"), "node:test", "npm test --silent"],
  ["another script", npm("tap test/*.js"), "npm test", "npm test --silent"],
  ["test files alone", { "package.json": "{}", "src/a.test.js": "" }, "node:test", "node --test-reporter=tap --test"],
  ["npm's default script", npm('echo "Error: no test specified" && exit 1'), undefined, undefined],
  [
    "pytest by its own file",
    { "conftest.py": "" },
    "pytest",
    "python3 -m pytest -q -rfE --tb=short --color=no -p no:cacheprovider",
  ],
  [
    "pytest by import",
    { "tests/test_a.py": "import pytest" },
    "pytest",
    "python3 -m pytest -q -rfE --tb=short --color=no -p no:cacheprovider",
  ],
  ["unittest", { "test_a.py": "import unittest" }, "unittest", "python3 -m unittest discover"],
  [
    "python in its own environment",
    { "test_a.py": "import unittest", ".venv/pyvenv.cfg": "" },
    "unittest",
    ".venv/bin/python -m unittest discover",
  ],
  ["go", { "go.mod": "module x" }, "go test", "go test -json ./..."],
  ["cargo", { "Cargo.toml": "" }, "cargo test", "cargo test --offline --no-fail-fast"],
  ["Maven", { "pom.xml": "" }, "maven", "mvn -o -B test"],
  [
    "Gradle with its wrapper",
    { "build.gradle.kts": "", gradlew: "" },
    "gradle",
    "./gradlew --offline --no-daemon --continue cleanTest test",
  ],
  ["nothing", { "README.md": "" }, undefined, undefined],
] as const)("finds %s", async (_name, files, name, argv) => {
  expect(await detect(files)).toEqual(name === undefined ? undefined : [name, argv]);
});

it.each([
  [npm("vitest"), "node_modules/.bin/vitest run --reporter=tap-flat -t a b; rm -rf /"],
  [npm("node --test"), "node --test-reporter=tap --test-name-pattern=a b; rm -rf / --test"],
  [
    { "test_a.py": "import pytest" },
    "python3 -m pytest -q -rfE --tb=short --color=no -p no:cacheprovider -k a b; rm -rf /",
  ],
  [{ "go.mod": "" }, "go test -json -run a b; rm -rf / ./..."],
])("passes a filter on as one argument", async (files, argv) => {
  expect((await detect(files, "a b; rm -rf /"))?.[1]).toBe(argv);
});

it("says when package.json is broken", async () => {
  const refused = await detect({ "package.json": "{" }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(AgentError);
  expect(refused).toMatchObject({ code: "invalid_input", message: "package.json is not valid JSON." });
});

it("starts installed programs where the user's own installation is shown", async () => {
  const shown = (folder: string) => `/shown/${folder}`;
  expect(await detect(npm("jest"), undefined, shown)).toEqual([
    "jest",
    "/shown/node_modules/.bin/jest --json --testLocationInResults",
  ]);
  const python = { "test_a.py": "import unittest", ".venv/pyvenv.cfg": "" };
  expect(await detect(python, undefined, shown)).toEqual(["unittest", "/shown/.venv/bin/python -m unittest discover"]);
});
