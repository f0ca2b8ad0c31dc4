// `ossaat doctor` in repositories of every kind, and in terminals.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { askDoctor, expectDoctorFinding, findingsOf } from "./testing/ask-doctor.ts";
import type { Where } from "./testing/ask-doctor.ts";
import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";

let cli: Cli;
let repository: string;
let counter = 0;

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
});

afterAll(() => cli.close());

/** A folder of its own for each test. */
let place: string;

beforeEach(() => {
  counter += 1;
  place = path.join(cli.folder, `place-${counter}`);
  mkdirSync(place);
});

const doctor = (where: Where = {}) => askDoctor(cli, { cwd: repository, ...where });
const expectFinding = (where: Where, id: string, expected: Json) =>
  expectDoctorFinding(cli, { where: { cwd: repository, ...where }, id, expected });

const saying = (text: string) => expect.stringContaining(text);

describe("repository", () => {
  test("none is told, a bare one and one without a commit fail", async () => {
    await expectFinding({ cwd: place }, "repository", { status: "warn", next: saying("git init") });
    const bare = path.join(place, "bare.git");
    execFileSync("git", ["init", "--quiet", "--bare", bare]);
    await expectFinding({ cwd: bare }, "repository", { status: "fail", message: saying("bare") });
    const empty = path.join(place, "empty");
    execFileSync("git", ["init", "--quiet", empty]);
    await expectFinding({ cwd: empty }, "repository", { status: "fail", message: saying("no commit") });
    await expectFinding({ cwd: path.join(empty, ".git") }, "repository", { status: "fail" });
  });

  test("of another user, or with a working tree elsewhere, fails", async () => {
    const env = { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" };
    await expectFinding({ env }, "repository", { status: "fail", next: saying("safe.directory") });
    const folder = await makeRepository(path.join(place, "r"));
    git(folder, "config", "core.worktree", place);
    await expectFinding({ cwd: folder }, "repository", { status: "fail", message: saying("core.worktree") });
  });

  test("a shallow, sparse, detached checkout is told of each", async () => {
    const folder = path.join(place, "clone");
    git(repository, "commit", "--quiet", "--allow-empty", "--message=Second");
    execFileSync("git", ["clone", "--quiet", "--depth", "1", `file://${repository}`, folder], { stdio: "pipe" });
    git(folder, "sparse-checkout", "set", "src");
    git(folder, "checkout", "--quiet", "--detach");
    const findings = await doctor({ cwd: folder });
    const told = ["history", "sparse checkout", "branch"].map((id) =>
      findingsOf(findings, id).map(({ status }) => status),
    );
    expect(told).toEqual([["warn"], ["warn"], ["warn"]]);
  });

  test("submodules and LFS are told, with git-lfs and without it", async () => {
    const folder = await makeRepository(path.join(place, "r"), { "deep/.gitattributes": "*.bin filter=lfs -text\n" });
    git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repository, "inner");
    git(folder, "commit", "--quiet", "--message=Submodule");
    await expectFinding({ cwd: folder }, "submodules", { status: "warn", message: saying("1 submodule:") });
    const bin = path.join(place, "bin");
    mkdirSync(bin);
    for (const name of ["git"])
      execFileSync("ln", [
        "-s",
        execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(),
        path.join(bin, name),
      ]);
    await expectFinding({ cwd: folder, env: { PATH: bin } }, "git lfs", { status: "warn", next: saying("git-lfs") });
    writeFileSync(path.join(bin, "git-lfs"), "#!/bin/sh\necho git-lfs/3.0.0\n", { mode: 0o755 });
    await expectFinding({ cwd: folder, env: { PATH: bin } }, "git lfs", {
      status: "warn",
      message: saying("pointers"),
    });
  });

  test("runs nothing that the repository's configuration names", async () => {
    const folder = await makeRepository(path.join(place, "r"));
    const trap = path.join(place, "trap.sh");
    writeFileSync(trap, `#!/bin/sh\ntouch ${place}/sprung\n`, { mode: 0o755 });
    for (const key of ["core.fsmonitor", "core.pager", "diff.external", "core.editor"])
      git(folder, "config", key, trap);
    rmSync(path.join(place, "sprung"), { force: true });
    await doctor({ cwd: folder });
    expect(() => readFileSync(path.join(place, "sprung"))).toThrow("ENOENT");
  });
});

describe("terminal", () => {
  test("a locale without symbols, and an editor that is not there, are told", async () => {
    await expectFinding({ env: { LC_ALL: "C" } }, "terminal", { status: "warn", next: "export LANG=C.UTF-8" });
    await expectFinding({ env: { EDITOR: "no-such-editor -w" } }, "editor", { status: "warn" });
    await expectFinding({ env: { EDITOR: "sh -c" } }, "editor", { status: "ok" });
  });
});
