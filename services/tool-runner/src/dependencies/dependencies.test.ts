import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterEach, describe, expect, it } from "vitest";

import { linkIn, openInstalledProject } from "../testing/installed-project.ts";
import type { InstalledProject } from "../testing/installed-project.ts";
import { testWorkspaceId } from "../testing/open-runner.ts";
import { dependencyFolderOf, excludeOption, projectOf, ruleOf } from "./dependency-folder.ts";
import { dependencyLimits } from "./limits.ts";

const opened: InstalledProject[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function project(...args: Parameters<typeof openInstalledProject>): Promise<InstalledProject> {
  const made = await openInstalledProject(...args);
  opened.push(made);
  return made;
}

/** What the runner remembers of the workspace's dependencies. */
function recorded({ tree }: InstalledProject): unknown {
  const stateDir = join(dirname(tree), "../..");
  const text = readFileSync(join(stateDir, "meta", testWorkspaceId, "workspace.json"), "utf8");
  return (JSON.parse(text) as Record<string, unknown>)["dependencies"];
}

describe("rules", () => {
  it.each([
    ["node_modules", "node_modules", "."],
    ["a/b/node_modules", "node_modules", "a/b"],
    ["a/.venv", ".venv", "a"],
    ["vendor", "vendor", "."],
    ["vendor/bundle", "vendor/bundle", "."],
    ["a/vendor/bundle", "vendor/bundle", "a"],
  ])("%s is a %s of %s", (folder, name, of) => {
    expect([ruleOf(folder)?.name, projectOf(folder)]).toEqual([name, of]);
  });

  it("names the folder a path lies in, and no other of a like name", () => {
    const dependencies = { root: "/r", folders: ["node_modules", "a/.venv"], omitted: 0 };
    const found = ["node_modules", "node_modules/x/y", "node_modules2", "a/.venv/bin", "a/.venvs", "b"].map((path) =>
      dependencyFolderOf(dependencies, path),
    );
    expect(found).toEqual(["node_modules", "node_modules", undefined, "a/.venv", undefined, undefined]);
    expect(dependencyFolderOf(undefined, "node_modules")).toBe(undefined);
  });

  it("writes a path so that git's ignore rules match it alone", () => {
    expect(excludeOption("a[1]*? b/node_modules")).toBe(String.raw`--exclude=/a\[1\]\*\?\ b/node_modules`);
  });
});

describe("a working tree", () => {
  it("keeps folders with odd names out of snapshots and lists", async () => {
    const names = ["a[1]", "b*", "c d", "é", ":(top)e"];
    const files = Object.fromEntries(names.map((name) => [`${name}/package.json`, "{}"]));
    const odd = await project(files, (repository) => {
      for (const name of names) repository.write(`${name}/node_modules/x/index.js`, "1");
    });
    for (const name of names) expect(readdirSync(join(odd.tree, name, "node_modules"))).toEqual(["x"]);
    const { tree } = await odd.workspaces.snapshot({ workspaceId: testWorkspaceId });
    expect(tree).toBe(odd.repository.git("rev-parse", "HEAD^{tree}"));
    const listed = (await odd.call("list_files", { path: "." })).text.split("\n");
    expect(listed).toEqual(names.map((name) => `${name}/package.json`).sort());
  });

  it("gets what was installed since, when it is opened again, and loses what was removed", async () => {
    const app = await project({ "package.json": "{}", ".gitignore": "node_modules" }, () => undefined);
    expect([recorded(app), existsSync(join(app.tree, "node_modules"))]).toEqual([undefined, false]);
    app.repository.write("node_modules/one/index.js", "1");
    app.repository.write("node_modules/@s/two/index.js", "1");
    await app.open();
    expect(recorded(app)).toEqual({ root: app.repository.root, folders: ["node_modules"], omitted: 0 });
    expect(readdirSync(join(app.tree, "node_modules")).sort()).toEqual(["@s", "one"]);
    rmSync(join(app.repository.root, "node_modules/one"), { recursive: true });
    app.repository.write("node_modules/three/index.js", "1");
    await app.open();
    expect(readdirSync(join(app.tree, "node_modules")).sort()).toEqual(["@s", "three"]);
    rmSync(join(app.repository.root, "node_modules"), { recursive: true });
    const { tree } = await app.open();
    expect(tree).toBe(app.repository.git("rev-parse", "HEAD^{tree}"));
    expect(recorded(app)).toEqual({ root: app.repository.root, folders: ["node_modules"], omitted: 0 });
  });

  it("is opened again when the checkout is gone", async () => {
    const app = await project({ "package.json": "{}" }, (repository) => repository.write("node_modules/x/i.js", "1"));
    const tree = app.repository.git("rev-parse", "HEAD^{tree}");
    rmSync(app.repository.root, { recursive: true });
    expect(await app.open()).toEqual({ tree });
  });

  it("keeps caches that were made in the folder, but nothing in the place of an installed package", async () => {
    const app = await project({ "package.json": "{}" }, (repository) => {
      repository.write("node_modules/one/index.js", "1");
      repository.write("node_modules/two/index.js", "1");
      linkIn(repository, "node_modules/gone", "nowhere");
    });
    const at = (name: string) => join(app.tree, "node_modules", name);
    rmSync(at("one"));
    mkdirSync(at("one"));
    mkdirSync(at(".cache"));
    await app.open();
    const kinds = readdirSync(join(app.tree, "node_modules"), { withFileTypes: true }).map((entry) => [
      entry.name,
      entry.isSymbolicLink(),
    ]);
    expect(Object.fromEntries(kinds)).toEqual({ ".cache": false, gone: true, one: true, two: true });
  });

  it("takes the nearest folders first, up to the limit, and counts the rest", async () => {
    const names = Array.from({ length: dependencyLimits.maxFolders + 2 }, (_none, index) => `p/${index}`);
    const files = Object.fromEntries(["deep/er/x", ...names].map((name) => [`${name}/package.json`, "{}"]));
    const many = await project({ "package.json": "{}", ".gitignore": "node_modules", ...files }, (repository) => {
      for (const name of [".", "deep/er/x", ...names]) repository.write(`${name}/node_modules/a/index.js`, "1");
    });
    const found = recorded(many) as { folders: string[]; omitted: number };
    expect(found.folders).toHaveLength(dependencyLimits.maxFolders);
    expect([found.folders[0], found.omitted]).toEqual(["node_modules", 4]);
    expect(found.folders).not.toContain("deep/er/x/node_modules");
    expect(lstatSync(join(many.tree, "p/0/node_modules")).isDirectory()).toBe(true);
  });
});
