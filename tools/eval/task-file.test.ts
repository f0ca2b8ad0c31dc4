// The reference tasks as data: every one can be read, and together they cover what they should.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { oracleScript } from "./oracle-script.ts";
import { readSolution, readTasks } from "./task-file.ts";

const root = path.resolve("evals");
const tasks = readTasks(path.join(root, "tasks"));
const own = tasks.filter(({ base }) => "project" in base);

describe("the reference tasks", () => {
  it("are 24, 16 of them on projects of this repository", () => {
    expect([tasks.length, own.length]).toEqual([24, 16]);
  });

  it("cover every kind and language on their own", () => {
    const all = (values: string[]) => [...new Set(values)].sort();
    expect(all(own.map(({ kind }) => kind))).toEqual([
      "build",
      "conflict",
      "dependency",
      "feature",
      "fix",
      "refactor",
      "rename",
      "tests",
    ]);
    expect(all(own.map(({ language }) => language))).toEqual(["Go", "Java", "Python", "Rust", "TypeScript"]);
  });

  it("have wrong oracles, of which none may end well", () => {
    const negatives = tasks.flatMap((task) => task.negatives);
    expect(negatives.length).toBeGreaterThanOrEqual(6);
    expect(negatives.map(({ exitCode }) => exitCode)).not.toContain(0);
  });

  it.each(tasks.map((task) => [task.id, task] as const))("%s has its files", (_id, task) => {
    const files = ["solution.json", ...task.negatives.map(({ solution }) => solution)];
    for (const file of files) expect(Object.keys(readSolution(task, file).steps).length).toBeGreaterThan(0);
    if ("project" in task.base) {
      expect(existsSync(path.join(root, "projects", task.base.project))).toBe(true);
      expect(existsSync(path.join(task.folder, "hidden"))).toBe(true);
      expect(task.base.patch === undefined || existsSync(path.join(task.folder, task.base.patch))).toBe(true);
    } else {
      expect(task.hidden.commit).toBeDefined();
      expect(task.hidden.paths.length).toBeGreaterThan(0);
    }
  });
});

describe("a task's files", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-task-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  function write(name: string, files: Readonly<Record<string, unknown>>): string {
    const place = path.join(folder, name, "a-task");
    mkdirSync(place, { recursive: true });
    for (const [file, value] of Object.entries(files)) {
      writeFileSync(path.join(place, file), typeof value === "string" ? value : JSON.stringify(value));
    }
    return path.join(folder, name);
  }

  const task = {
    schemaVersion: 1,
    kind: "fix",
    language: "Go",
    goal: "g",
    base: { project: "p" },
    hidden: { argv: ["true"] },
  };

  it("are refused with file and field when they are wrong", () => {
    const place = write("wrong", { "task.json": { ...task, kind: "magic" } });
    expect(() => readTasks(place)).toThrow(/a-task\/task\.json[\s\S]*kind/u);
    const negative = { id: "n", solution: "n.json", exitCode: 0, reason: "r" };
    const ending = write("ending", { "task.json": { ...task, negatives: [negative] } });
    expect(() => readTasks(ending)).toThrow(/negatives\[0\]\.exitCode/u);
  });

  it("become a script whose turns wait for what they expect", () => {
    const turns = [
      { calls: [["write_file", { path: "a", content: { $lines: ["one", "two"] } }]] },
      { expect: "exists", calls: [["write_file", { path: "a", content: { $file: "a.txt" } }]] },
    ];
    const solution = { schemaVersion: 1, plan: { summary: "s" }, steps: { edit: turns } };
    const place = write("good", { "task.json": task, "solution.json": solution, "a.txt": "three\n" });
    const [read] = readTasks(place);
    if (read === undefined) throw new Error("no task");
    const { replies } = oracleScript(readSolution(read), { task: read, repository: place });
    expect(replies.filter(({ match }) => match["agent"] === "code-writer").map(({ match }) => match)).toEqual([
      { agent: "code-writer", step: "edit", turn: 1 },
      { agent: "code-writer", step: "edit", turn: 2, lastContains: "exists" },
    ]);
    expect(JSON.stringify(replies)).toContain('"content":"one\\ntwo"');
    expect(JSON.stringify(replies)).toContain('"content":"three\\n"');
    expect(replies[0]).toMatchObject({ match: { agent: "planner" }, reply: { toolCalls: [{ name: "propose_plan" }] } });
  });
});
