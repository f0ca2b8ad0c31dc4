// The file format of reference tasks: what is asked, from which base, which test decides, and
// what an oracle model answers. Documented in evals/README.md.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

const taskKinds = ["fix", "feature", "refactor", "rename", "tests", "dependency", "build", "conflict"] as const;

const languages = ["TypeScript", "JavaScript", "Python", "Go", "Rust", "Java"] as const;

const Base = z.union([
  z
    .strictObject({
      project: z.string().describe("Folder below evals/projects"),
      patch: z.string().optional().describe("Patch of the task's folder that turns the project into the base"),
    })
    .describe("A project of this repository, committed as one commit"),
  z
    .strictObject({
      repository: z.string().describe("owner/name"),
      commit: z.string().regex(/^[0-9a-f]{40}$/),
    })
    .describe("A commit of a public repository, found in the folder the caller names"),
]);

const HiddenTest = z.strictObject({
  argv: z.array(z.string()).min(1).describe("Exits 0 when the task is solved; run in the root of a checkout"),
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional()
    .describe("Takes `paths` from this commit of the public repository, instead of the folder hidden/"),
  paths: z.array(z.string()).default([]),
});

const Negative = z
  .strictObject({
    id: z.string(),
    solution: z.string().describe("File of the task's folder with the wrong oracle"),
    exitCode: z.int().min(1),
    reason: z.string().describe("Reason the plan must end with"),
  })
  .describe("A wrong oracle, and how its run must end");

export const TaskFile = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.enum(taskKinds),
  language: z.enum(languages),
  goal: z.string(),
  base: Base,
  install: z
    .array(z.array(z.string()).min(1))
    .default([])
    .describe("Commands in the user's checkout before the run, as a user installs dependencies"),
  maxMinutes: z.number().positive().default(5),
  hidden: HiddenTest,
  negatives: z.array(Negative).default([]),
});

const Call = z.tuple([z.string(), z.record(z.string(), z.unknown())]).describe("Tool and input");

const Turn = z
  .strictObject({
    expect: z.string().optional().describe("Text that the results before this turn must contain"),
    text: z.string().optional(),
    calls: z.array(Call).default([]),
  })
  .describe("One answer of the oracle");

export const SolutionFile = z.strictObject({
  schemaVersion: z.literal(1),
  planner: z.array(Turn).default([]).describe("Turns before the plan is handed in"),
  plan: z.record(z.string(), z.unknown()),
  steps: z.record(z.string(), z.array(Turn)).describe("Turns of writing and merge steps, by step id"),
  tester: z.array(Turn).optional(),
  auditor: z.array(Turn).optional(),
});

export type Turn = z.infer<typeof Turn>;
export type Solution = z.infer<typeof SolutionFile>;
export type Task = z.infer<typeof TaskFile> & { id: string; folder: string };

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} cannot be read`, { cause: error });
  }
}

/** @throws Error that names file and field */
function parseFile<T>(schema: z.ZodType<T>, file: string): T {
  const parsed = schema.safeParse(readJson(file));
  if (parsed.success) return parsed.data;
  throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
}

export function readSolution(task: Pick<Task, "folder">, file = "solution.json"): Solution {
  return parseFile(SolutionFile, path.join(task.folder, file));
}

/** Every task below a folder, by id. @throws Error for a task that is not valid */
export function readTasks(root: string): Task[] {
  const ids = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return ids
    .map(({ name }) => ({ id: name, folder: path.join(root, name) }))
    .filter(({ folder }) => existsSync(path.join(folder, "task.json")))
    .map(({ id, folder }) => ({ ...parseFile(TaskFile, path.join(folder, "task.json")), id, folder }))
    .sort((a, b) => a.id.localeCompare(b.id));
}
