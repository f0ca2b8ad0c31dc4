import { afterAll, expect, test } from "vitest";

import { listTree } from "../git/list-tree.ts";
import { makeRepository } from "../testing/make-repository.ts";
import type { TestRepository } from "../testing/make-repository.ts";
import { readProfile } from "./read-profile.ts";

const made: TestRepository[] = [];
afterAll(() => made.forEach((repository) => repository.remove()));

async function profileOf(files: Record<string, string>) {
  const repository = makeRepository({ message: "Start", files });
  made.push(repository);
  const { root, commit } = repository.ref;
  const profile = await readProfile(root, await listTree(root, commit));
  const text = (commands: { argv: string[] }[]) => commands.map(({ argv }) => argv.join(" "));
  return { managers: profile.packageManagers, tests: text(profile.testCommands), builds: text(profile.buildCommands) };
}

const scripts = (json: object) => JSON.stringify({ scripts: json });

test.each<[string, Record<string, string>, { managers: string[]; tests: string[]; builds: string[] }]>([
  ["npm", { "package.json": scripts({ test: "jest" }) }, { managers: ["npm"], tests: ["npm test"], builds: [] }],
  [
    "yarn by its lock file",
    { "package.json": scripts({ test: "jest", build: "tsc" }), "yarn.lock": "" },
    { managers: ["yarn"], tests: ["yarn test"], builds: ["yarn run build"] },
  ],
  [
    "bun by the packageManager field",
    { "package.json": JSON.stringify({ packageManager: "bun@1.2.0", scripts: { test: "bun test" } }) },
    { managers: ["bun"], tests: ["bun run test"], builds: [] },
  ],
  [
    "the placeholder of npm init",
    { "package.json": scripts({ test: 'echo "Error: no test specified" && exit 1' }) },
    { managers: ["npm"], tests: [], builds: [] },
  ],
  ["a package.json that does not parse", { "package.json": "{" }, { managers: [], tests: [], builds: [] }],
  [
    "pytest with uv",
    { "pyproject.toml": "[tool.pytest.ini_options]\n", "uv.lock": "" },
    { managers: ["uv"], tests: ["python3 -m pytest", "uv run pytest"], builds: [] },
  ],
  [
    "poetry",
    { "pyproject.toml": "[tool.poetry]\n[tool.poetry.group.dev.dependencies]\npytest = '*'\n[build-system]\n" },
    { managers: ["poetry"], tests: ["python3 -m pytest", "poetry run pytest"], builds: ["python3 -m build"] },
  ],
  [
    "unittest when nothing names pytest",
    { "setup.py": "setup()", "tests/test_a.py": "" },
    { managers: ["pip"], tests: ["python3 -m unittest discover"], builds: [] },
  ],
  ["go", { "go.mod": "module a" }, { managers: ["go"], tests: ["go test ./..."], builds: ["go build ./..."] }],
  [
    "go in a folder",
    { "server/go.mod": "module a" },
    { managers: ["go"], tests: ["go -C server test ./..."], builds: ["go -C server build ./..."] },
  ],
  [
    "a cargo workspace",
    { "Cargo.toml": "[workspace]\nmembers = ['a']\n", "a/Cargo.toml": "[package]" },
    { managers: ["cargo"], tests: ["cargo test --workspace"], builds: ["cargo build --workspace"] },
  ],
  [
    "maven with its wrapper",
    { "pom.xml": "<project/>", mvnw: "" },
    { managers: ["maven"], tests: ["./mvnw -q test"], builds: ["./mvnw -q compile"] },
  ],
  [
    "gradle",
    { "build.gradle.kts": "", "settings.gradle.kts": "" },
    { managers: ["gradle"], tests: ["gradle test"], builds: ["gradle assemble"] },
  ],
  ["rspec", { Gemfile: "gem 'rspec'\n" }, { managers: ["bundler"], tests: ["bundle exec rspec"], builds: [] }],
  [
    "phpunit",
    { "composer.json": "{}", "phpunit.xml.dist": "" },
    { managers: ["composer"], tests: ["vendor/bin/phpunit"], builds: [] },
  ],
  [
    "make and cmake",
    { "CMakeLists.txt": "enable_testing()\n", Makefile: "all: a\ncheck: all\n\t./a\nVAR := 1\n" },
    {
      managers: ["cmake", "make"],
      tests: ["ctest --test-dir build", "make check"],
      builds: ["cmake -S . -B build", "make all"],
    },
  ],
  [
    "manifests in fixtures do not count",
    { "tests/fixtures/a/package.json": scripts({ test: "x" }) },
    { managers: [], tests: [], builds: [] },
  ],
])("%s", async (_name, files, expected) => {
  expect(await profileOf(files)).toEqual(expected);
});
