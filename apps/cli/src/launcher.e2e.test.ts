// The launcher and the bundle it starts, against the sources: the same answers from any place.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const launcher = path.join(root, "apps/cli/bin/ossaat");
const main = path.join(root, "apps/cli/src/main.ts");
let folder: string;

type Answer = { status: number | null; stdout: string; stderr: string };

function run(words: readonly string[], cwd: string = folder): Answer {
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    OSSAAT_STATE_DIR: path.join(folder, "state"),
    NODE_COMPILE_CACHE: path.join(tmpdir(), "ossaat-e2e-compile-cache"),
  };
  const [program = "", ...args] = words;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  return { status, stdout, stderr };
}

beforeAll(async () => {
  execFileSync(process.execPath, ["tools/bundle/build-cli.ts"], { cwd: root });
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-launcher-"));
  await makeRepository(path.join(folder, "repository"));
});

afterAll(() => {
  run([launcher, "down"]);
  rmSync(folder, { recursive: true, force: true });
});

test.each([[["--version"]], [["--help"]], [["runs", "--help"]], [["nonsense"]], [["-C", "/nowhere", "runs"]], [[]]])(
  "answers %j as the sources do",
  (words) => {
    const fromSources = run([process.execPath, main, ...words]);
    expect(run([launcher, ...words])).toEqual(fromSources);
    expect(`${fromSources.stdout}${fromSources.stderr}`).not.toBe("");
  },
);

test("is found through links and from its own folder", () => {
  const first = path.join(folder, "first");
  const second = path.join(folder, "second");
  symlinkSync(launcher, first);
  symlinkSync("first", second);
  const version = run([launcher, "--version"]);
  expect(version).toMatchObject({ status: 0, stderr: "" });
  expect(run([second, "--version"])).toEqual(version);
  expect(run(["./ossaat", "--version"], path.dirname(launcher))).toEqual(version);
  expect(run(["sh", "ossaat", "--version"], path.dirname(launcher))).toEqual(version);
});

test("starts where no folder for compiled modules can be made", () => {
  const env = { PATH: process.env["PATH"], HOME: folder, XDG_CACHE_HOME: "/proc" };
  const result = spawnSync(launcher, ["--version"], { cwd: folder, env, encoding: "utf8", timeout: 20_000 });
  expect(result).toMatchObject({ status: 0, signal: null, stderr: "" });
  expect(result.stdout).toBe(run([launcher, "--version"]).stdout);
});

test("plans with the server it starts, and lists the plan", () => {
  const repository = path.join(folder, "repository");
  const planned = run([launcher, "plan", "Mend the sum in src/sum.js", "--model", "none", "--json"], repository);
  expect(planned).toMatchObject({ status: 0 });
  const { plan } = JSON.parse(planned.stdout) as { plan: { id: string; status: string } };
  expect(plan.status).toBe("awaiting_approval");
  const listed = JSON.parse(run([launcher, "runs", "--json"], repository).stdout) as { plans: { id: string }[] };
  expect(listed.plans.map(({ id }) => id)).toEqual([plan.id]);
  const bare = run([launcher, "runs"], repository);
  expect(bare).toMatchObject({ status: 0, stderr: "" });
  expect(bare.stdout).toMatch(new RegExp(`^${plan.id} .*\\n  Mend the sum in src/sum.js\\n$`));
});

test("`runs` without a flag, which no parser reads, fails as it does with its default", () => {
  const refused = run([launcher, "runs", "--limit", "20"]);
  expect(run([launcher, "runs"])).toEqual(refused);
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain("\nNext: ");
});
