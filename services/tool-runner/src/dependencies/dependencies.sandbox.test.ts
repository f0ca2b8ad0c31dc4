import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterEach, describe, expect, it } from "vitest";

import { createBubblewrapSandbox } from "../sandbox/adapters/bubblewrap.ts";
import { testHost } from "../testing/host.ts";
import { linkIn as link, openInstalledProject } from "../testing/installed-project.ts";
import type { InstalledProject } from "../testing/installed-project.ts";
import { testWorkspaceId } from "../testing/open-runner.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import type { UserRepositoryFixture } from "../testing/user-repository.ts";

const trial = makeTempDir();
const probe = await createBubblewrapSandbox({ host: testHost, arch: process.arch, scratchDir: trial.path }).probe();
trial.remove();
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

const opened: InstalledProject[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function project(...args: Parameters<typeof openInstalledProject>): Promise<InstalledProject> {
  const made = await openInstalledProject(...args);
  opened.push(made);
  return made;
}

const manifest = JSON.stringify({ name: "app", type: "module", dependencies: { greet: "1.0.0" } });

/** What npm makes: packages side by side, a scope, programs, a link to a workspace package. */
function installAsNpm(repository: UserRepositoryFixture): void {
  const write = (path: string, content: string) => repository.write(path, content);
  write("node_modules/greet/package.json", '{"name":"greet","main":"index.js"}');
  write("node_modules/greet/index.js", 'module.exports = `hello ${require("@s/name")}`;');
  write("node_modules/@s/name/package.json", '{"name":"@s/name","main":"index.js"}');
  write("node_modules/@s/name/index.js", 'module.exports = "you";');
  write("node_modules/hello-bin/cli.js", '#!/usr/bin/env node\nconsole.log(require("greet"));');
  execFileSync("chmod", ["755", join(repository.root, "node_modules/hello-bin/cli.js")]);
  link(repository, "node_modules/.bin/hello", "../hello-bin/cli.js");
  link(repository, "node_modules/@s/pkg", "../../packages/pkg");
  write("node_modules/.cache/old", "of the user");
}

const npmProject = {
  ".gitignore": "node_modules\n",
  "package.json": manifest,
  "main.js": 'import greet from "greet"; import { version } from "@s/pkg"; console.log(greet, version);',
  "packages/pkg/package.json": '{"name":"@s/pkg","type":"module","exports":"./index.js"}',
  "packages/pkg/index.js": 'export const version = "old";',
};

/** A tree that still is what it was: nothing of the farm in snapshot, status, diff, list or search. */
async function expectUnseen({ call, repository, tree, open }: InstalledProject, folder: string): Promise<void> {
  expect(lstatSync(join(tree, folder)).isDirectory()).toBe(true);
  expect(await open()).toEqual({ tree: repository.git("rev-parse", `${repository.base}^{tree}`) });
  expect((await call("git_status", {})).text).toBe("Nothing changed since the base commit.");
  expect((await call("git_diff", {})).text).toBe("No difference.");
  const { text } = await call("list_files", { path: "." });
  expect(text.split("\n")).toEqual(repository.git("ls-files").split("\n"));
}

describe.skipIf(!probe.usable)(`installed dependencies in the box${reason}`, () => {
  it("resolves what npm installed, and a workspace package as the working tree has it", async () => {
    const npm = await project(npmProject, installAsNpm);
    await npm.call("write_file", {
      path: "packages/pkg/index.js",
      content: 'export const version = "new";',
      overwrite: true,
    });
    expect(await npm.sh("node main.js")).toBe("hello you new");
    expect(await npm.sh("hello; hello", "packages/pkg")).toBe("hello you\nhello you");
    expect((await npm.call("run_command", { argv: ["hello"] })).text).toContain("hello you");
  });

  it("shows nothing of it to git, lists and search, whatever .gitignore says", async () => {
    const ignored = await project(npmProject, installAsNpm);
    await expectUnseen(ignored, "node_modules");
    expect((await ignored.call("search_text", { pattern: "of the user|hello", regex: true })).text).toBe("No matches.");
    const named = await project({ ...npmProject, ".gitignore": "!node_modules\n!**/node_modules/**\n" }, installAsNpm);
    await expectUnseen(named, "node_modules");
    const hidden =
      "(node_modules holds installed dependencies, which are not listed; look at them with run_command, for example ls)";
    expect((await named.call("list_files", { path: "node_modules" })).text).toBe(hidden);
  });

  it("leaves the user's files as they are: read-only below /deps, and through every link", async () => {
    const { sh, repository } = await project(npmProject, installAsNpm);
    const attempts = [
      "echo x > node_modules/greet/index.js",
      "echo x > /deps/node_modules/greet/index.js",
      "echo x > /deps/node_modules/new",
      "rm -rf /deps/node_modules/greet",
      "chmod 777 node_modules/greet/index.js",
      "mkdir /deps/other",
      `echo x > ${repository.root}/node_modules/greet/index.js`,
    ];
    for (const attempt of attempts) expect(await sh(`${attempt} 2>&1; true`)).toContain("Read-only file system");
    expect(repository.read("node_modules/greet/index.js")).toBe('module.exports = `hello ${require("@s/name")}`;');
    expect(existsSync(join(repository.root, "node_modules/new"))).toBe(false);
  });

  it("keeps the folder itself writable for caches, and the user's caches out", async () => {
    const npm = await project(npmProject, installAsNpm);
    const script =
      "ls node_modules/.cache 2>/dev/null; mkdir -p node_modules/.cache node_modules/.vite-temp && echo mine > node_modules/.cache/x && cat node_modules/.cache/x";
    expect(await npm.sh(script)).toBe("mine");
    expect(npm.repository.read("node_modules/.cache/old")).toBe("of the user");
    await expectUnseen(npm, "node_modules");
  });

  it("stays when a tree is restored, is in no commit, and comes back when it was removed", async () => {
    const npm = await project(npmProject, installAsNpm);
    const workspaceId = testWorkspaceId;
    const { tree } = await npm.workspaces.snapshot({ workspaceId });
    await npm.call("write_file", { path: "more.js", content: "1" });
    await npm.workspaces.restore({ workspaceId, tree });
    expect(readlinkSync(join(npm.tree, "node_modules/greet"))).toBe("/deps/node_modules/greet");
    await npm.call("write_file", { path: "more.js", content: "1" });
    const commit = { workspaceId, message: "more", trailers: {}, authoredAt: "2026-01-01T00:00:00Z" };
    const committed = await npm.workspaces.commit(commit);
    expect(committed.files.map(({ path }) => path)).toEqual(["more.js"]);
    await npm.sh("rm -rf node_modules");
    expect(existsSync(join(npm.tree, "node_modules"))).toBe(false);
    expect(await npm.sh("node main.js")).toBe("hello you old");
  });

  it("takes no test result from a program that the agent put in the place of an installed one", async () => {
    const testing = { scripts: { test: "vitest run" }, devDependencies: { vitest: "1" } };
    const tap = (word: string, name: string) => `TAP version 13\\n1..1\\n${word} 1 - ${name}\\n`;
    const npm = await project({ ".gitignore": "node_modules\n", "package.json": JSON.stringify(testing) }, (user) => {
      const program = `#!/usr/bin/env node\nprocess.stdout.write("${tap("not ok", "real")}" + require("helper"));process.exit(1)\n`;
      user.write("node_modules/vitest/cli.js", program);
      execFileSync("chmod", ["755", join(user.root, "node_modules/vitest/cli.js")]);
      user.write("node_modules/helper/index.js", 'module.exports = "# helped\\n";');
      link(user, "node_modules/.bin/vitest", "../vitest/cli.js");
    });
    const honest = await npm.call("run_tests", {});
    // It ends without the closing lines of vitest, so it counts as broken off.
    expect(honest.output?.tests).toMatchObject({ status: "crashed", failed: 1 });
    const fake = `#!/bin/sh\nprintf "${tap("ok", "fake").replaceAll("\\", "\\\\")}"\n`;
    const forge = [
      "rm -rf node_modules/.bin node_modules/vitest node_modules/helper",
      "mkdir -p node_modules/.bin node_modules/vitest/closed node_modules/helper",
      `printf '%s' '${fake}' > node_modules/.bin/vitest`,
      "cp node_modules/.bin/vitest node_modules/vitest/cli.js; chmod +x node_modules/.bin/vitest node_modules/vitest/cli.js",
      `echo 'process.stdout.write("${tap("ok", "fake")}"); process.exit(0)' > node_modules/helper/index.js`,
      "chmod 000 node_modules/vitest/closed; ls node_modules",
    ];
    expect(await npm.sh(forge.join("\n"))).toBe("helper\nvitest");
    const forged = await npm.call("run_tests", {});
    expect(forged.output?.tests).toEqual(honest.output?.tests);
    expect(readlinkSync(join(npm.tree, "node_modules/vitest"))).toBe("/deps/node_modules/vitest");
  });

  it("puts real folders in the place of links that were planted, and follows none", async () => {
    const npm = await project(npmProject, installAsNpm);
    const outside = join(dirname(npm.repository.root), "outside");
    mkdirSync(outside);
    await npm.sh(`rm -rf node_modules packages && ln -s ${outside} node_modules && ln -s ${outside} packages`);
    await npm.open();
    expect(await npm.sh("ls node_modules")).toBe("@s\ngreet\nhello-bin");
    await npm.sh(
      `rm -rf node_modules/@s && ln -s ${outside} node_modules/@s && rm node_modules/greet && ln -s ${outside} node_modules/greet`,
    );
    await npm.open();
    expect(await npm.sh("readlink node_modules/@s/pkg node_modules/greet")).toBe(
      "../../packages/pkg\n/deps/node_modules/greet",
    );
    expect(readdirSync(outside)).toEqual([]);
    const { files } = await npm.workspaces.diff({ workspaceId: testWorkspaceId });
    expect(files.map(({ path }) => path).filter((path) => path.includes("node_modules"))).toEqual([]);
  });

  it("leaves out a folder that is a link, lies behind one, or is tracked", async () => {
    const tracked = { "package.json": "{}", "t/package.json": "{}", "t/node_modules/x/index.js": "1" };
    const app = await project({ ...tracked, "p/package.json": "{}", "q/package.json": "{}" }, (repository) => {
      rmSync(join(repository.root, "q"), { recursive: true });
      link(repository, "node_modules", "/etc");
      repository.write("elsewhere/node_modules/x/index.js", "1");
      link(repository, "q", "elsewhere");
      repository.write("p/node_modules/y/index.js", "1");
      link(repository, "p/node_modules/etc", "/etc");
      link(repository, "p/node_modules/up", "../../../..");
    });
    expect(await app.sh("ls /deps /deps/p/node_modules")).toBe(
      "/deps:\np\npackage.json\nq\nt\n\n/deps/p/node_modules:\netc\nup\ny",
    );
    expect(existsSync(join(app.tree, "node_modules"))).toBe(false);
    expect(
      await app.sh(
        "cat t/node_modules/x/index.js; cat p/node_modules/etc/shadow 2>&1; ls p/node_modules/up/ | head -2",
      ),
    ).toBe("1cat: p/node_modules/etc/shadow: No such file or directory\nbin\ndeps");
  });

  it("resolves what pnpm installed: links into its store, and packages of the workspace from there", async () => {
    const files = {
      ".gitignore": "node_modules/\n",
      "package.json": '{"name":"root","private":true,"dependencies":{"@s/pkg":"workspace:*"}}',
      "packages/pkg/package.json": '{"name":"@s/pkg","main":"index.js","dependencies":{"dep":"1.0.0"}}',
      "packages/pkg/index.js": 'module.exports = "pkg needs " + require("dep");',
      "packages/app/package.json": '{"name":"@s/app","dependencies":{"plugin":"1.0.0"}}',
      "packages/app/index.js": 'console.log(require("plugin"));',
    };
    const pnpm = await project(files, (repository) => {
      const store = "node_modules/.pnpm";
      repository.write(`${store}/dep@1.0.0/node_modules/dep/package.json`, '{"name":"dep","main":"i.js"}');
      repository.write(`${store}/dep@1.0.0/node_modules/dep/i.js`, 'module.exports = "dep";');
      repository.write(`${store}/plugin@1.0.0/node_modules/plugin/package.json`, '{"name":"plugin","main":"i.js"}');
      repository.write(
        `${store}/plugin@1.0.0/node_modules/plugin/i.js`,
        'module.exports = "plugin: " + require("@s/pkg");',
      );
      link(repository, `${store}/node_modules/@s/pkg`, "../../../../packages/pkg");
      link(repository, "node_modules/@s/pkg", "../../packages/pkg");
      link(repository, "packages/pkg/node_modules/dep", "../../../node_modules/.pnpm/dep@1.0.0/node_modules/dep");
      link(
        repository,
        "packages/app/node_modules/plugin",
        "../../../node_modules/.pnpm/plugin@1.0.0/node_modules/plugin",
      );
    });
    await pnpm.call("write_file", {
      path: "packages/pkg/index.js",
      content: 'module.exports = "new pkg needs " + require("dep");',
      overwrite: true,
    });
    expect(await pnpm.sh("node -p 'require(`@s/pkg`)'")).toBe("new pkg needs dep");
    expect(await pnpm.sh("node packages/app")).toBe("plugin: new pkg needs dep");
    expect((await pnpm.call("git_status", {})).text).toBe("M packages/pkg/index.js (+1 -1)");
  });

  it("refuses to read or write there from the host, and says what to do", async () => {
    const npm = await project(npmProject, installAsNpm);
    const path = "node_modules/greet/index.js";
    expect(await npm.call("read_file", { path })).toMatchObject({
      code: "invalid_input",
      message: `${path} belongs to the installed dependencies in node_modules; look at it with run_command, for example with cat.`,
    });
    const refused = {
      code: "invalid_input",
      message:
        "node_modules/new.js belongs to the installed dependencies in node_modules; they are not part of the change and stay as they are.",
    };
    expect(await npm.call("write_file", { path: "node_modules/new.js", content: "1" })).toMatchObject(refused);
    expect(existsSync(join(npm.tree, "node_modules/new.js"))).toBe(false);
  });

  it("says once that a changed manifest has no effect on what is installed", async () => {
    const npm = await project(npmProject, installAsNpm);
    const note = "package.json differs from the user's checkout; installed dependencies are those of the checkout";
    const change = (data: object) =>
      npm.call("write_file", { path: "package.json", content: JSON.stringify(data), overwrite: true });
    const run = async () => (await npm.call("run_command", { argv: ["true"] })).text.includes(note);
    await change({ ...JSON.parse(manifest), scripts: { start: "node main.js" } });
    expect(await run()).toBe(false);
    await change({ name: "app", dependencies: { greet: "2.0.0" } });
    expect([await run(), await run()]).toEqual([true, false]);
  });

  it("says once that nothing is installed at all", async () => {
    const app = await project({ "package.json": manifest }, () => undefined);
    const run = async () => (await app.call("run_tests", {})).text.includes("the user's checkout has no node_modules");
    await app.call("write_file", { path: "a.test.js", content: 'import "node:test";' });
    expect([await run(), await run()]).toEqual([true, false]);
    const committed = { "package.json": manifest, "node_modules/greet/index.js": "1" };
    const whole = await project(committed, () => undefined);
    expect((await whole.call("run_command", { argv: ["true"] })).text).toMatch(
      /^\[exited 0 after [\d.]+ s\]\n\(no output\)$/u,
    );
  });

  it("takes vendor only when it is ignored, and hides settings that may hold a password", async () => {
    const files = {
      "composer.json": "{}",
      ".gitignore": "a/vendor\n",
      "a/composer.json": "{}",
      "a/src/own.txt": "own",
      Gemfile: "",
    };
    const app = await project(files, (repository) => {
      repository.write("vendor/autoload.txt", "1");
      repository.write("a/vendor/autoload.txt", "1");
      repository.write(".bundle/config", "BUNDLE_GEMS__EXAMPLE__ORG: user:password");
      repository.write(".bundle/plugin/index", "1");
    });
    expect(await app.sh("ls -A; cat a/vendor/autoload.txt /deps/a/src/own.txt")).toBe(
      ".bundle\n.gitignore\nGemfile\na\ncomposer.json\n1own",
    );
    expect(await app.sh("ls .bundle; cat /deps/.bundle/config")).toBe("plugin");
  });

  const hasPython = existsSync("/usr/bin/python3");
  it.skipIf(!hasPython)("runs programs of a virtual environment, by the paths written into it", async () => {
    const files = {
      "pyproject.toml": "",
      "src/mine.py": 'name = "working tree"',
      "test_a.py":
        "import unittest, mine, sys\nclass A(unittest.TestCase):\n  def test_a(self): self.assertEqual((mine.name, sys.prefix), ('working tree', '/deps/.venv'))\n",
    };
    const app = await project(files, (repository) => {
      execFileSync("/usr/bin/python3", ["-m", "venv", "--without-pip", join(repository.root, ".venv")]);
      const site = execFileSync(join(repository.root, ".venv/bin/python"), [
        "-c",
        "import site; print(site.getsitepackages()[0])",
      ])
        .toString()
        .trim();
      writeFileSync(join(site, "mine.pth"), join(repository.root, "src"));
      writeFileSync(
        join(repository.root, ".venv/bin/hello"),
        `#!${repository.root}/.venv/bin/python\nimport mine; print("hello", mine.name)\n`,
        { mode: 0o755 },
      );
      repository.write(".venv/pip.conf", "[global]\nindex-url = https://user:password@example.org");
    });
    expect((await app.call("run_tests", {})).output?.tests).toEqual({
      runner: "unittest",
      status: "passed",
      passed: 1,
      failed: 0,
      skipped: 0,
      failures: [],
    });
    expect(await app.sh("hello; .venv/bin/hello; cat /deps/.venv/pip.conf")).toBe(
      "hello working tree\nhello working tree",
    );
    await expectUnseen(app, ".venv");
  });
});
