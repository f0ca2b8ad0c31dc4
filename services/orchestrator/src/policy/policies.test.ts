import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { IndexService } from "@ossaat/contracts";
import { unavailableEngine } from "@ossaat/policy/decision";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createPolicies } from "./policies.ts";
import type { PoliciesDeps, PolicyInForce } from "./policies.ts";

const place = { path: "/repo", commit: "c" };

let folder: string;
let project: Record<string, string>;
let reads: string[];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-policies-"));
  project = {};
  reads = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const index: Pick<IndexService, "readFile"> = {
  readFile: ({ commit, path: name }) => {
    reads.push(`${commit}:${name}`);
    const text = project[commit];
    if (text === undefined) return Promise.reject(new AgentError("not_found", "no such file"));
    return Promise.resolve({ text, truncated: false });
  },
};
const at = (name: string) => path.join(folder, name);
const rules = (...names: string[]) =>
  JSON.stringify({ rules: names.map((tool) => ({ effect: "deny", tools: [tool] })) });
const open = (more: Partial<PoliciesDeps> = {}) =>
  createPolicies({
    index,
    files: { admin: [{ path: at("admin.json"), mustExist: false }], user: at("user.json") },
    ...more,
  });
const held = ({ layers, problem }: PolicyInForce) =>
  problem ??
  layers.map(({ name, file, rules: own }) => [name, path.basename(file), own.flatMap(({ tools }) => tools ?? [])]);

test("the files of admin, project and user hold, each as its layer; none is fine", async () => {
  const policies = open();
  expect(held(await policies.at(place))).toEqual([]);
  writeFileSync(at("admin.json"), rules("read_file"));
  writeFileSync(at("user.json"), rules("run_tests", "run_command"));
  project["d"] = rules("edit_file");
  expect(held(await policies.at({ ...place, commit: "d" }))).toEqual([
    ["admin", "admin.json", ["read_file"]],
    ["project", "policy.json", ["edit_file"]],
    ["user", "user.json", ["run_tests", "run_command"]],
  ]);
});

test("an edited file holds at once, and what did not change stays the same value", async () => {
  const policies = open();
  writeFileSync(at("user.json"), rules("run_tests"));
  const first = await policies.at(place);
  const second = await policies.at(place);
  writeFileSync(at("user.json"), rules("read_file"));
  expect([first.layers === second.layers, held(await policies.at(place))]).toEqual([
    true,
    [["user", "user.json", ["read_file"]]],
  ]);
});

test("a project's file is read once per commit", async () => {
  const policies = open();
  for (const commit of ["c", "c", "d", "c"]) await policies.at({ ...place, commit });
  expect(reads).toEqual(["c:.ossaat/policy.json", "d:.ossaat/policy.json"]);
});

test("a file with a fault leaves nothing that decides, and names the line", async () => {
  writeFileSync(at("admin.json"), '{\n  "rules": [{ "effect": "deny", "tols": ["read_file"] }]\n}');
  const { engine, layers, problem } = await open().at(place);
  expect([layers, problem, "problem" in engine]).toEqual([
    [],
    expect.stringMatching(/admin\.json:2: rules\[0\] does not know "tols"/u),
    true,
  ]);
});

test("a file that must exist and does not, or cannot be read, leaves nothing that decides", async () => {
  const missing = open({ files: { admin: [{ path: at("named.json"), mustExist: true }], user: at("user.json") } });
  const folderInstead = open({ files: { admin: [], user: folder } });
  expect([held(await missing.at(place)), held(await folderInstead.at(place))]).toEqual([
    `${at("named.json")}: the policy file cannot be read (ENOENT)`,
    `${folder}: the policy file cannot be read (EISDIR)`,
  ]);
});

test("an index that fails leaves nothing that decides, and is asked again", async () => {
  let fails = true;
  const policies = open({
    index: {
      readFile: (request) =>
        fails ? Promise.reject(new AgentError("unavailable", "no index")) : index.readFile(request),
    },
  });
  const before = held(await policies.at(place));
  fails = false;
  expect([before, held(await policies.at(place))]).toEqual(["no index", []]);
});

test("rules that could not be loaded decide nothing", async () => {
  const policies = open({ load: () => Promise.resolve(unavailableEngine("the compiled rules are missing")) });
  expect(held(await policies.at(place))).toBe("the compiled rules are missing");
});
