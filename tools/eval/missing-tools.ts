// Which programs a language's tasks need on this machine.
import { runProgram } from "./run-program.ts";
import type { Task } from "./task-file.ts";

const probes: Readonly<Record<Task["language"], Readonly<Record<string, readonly string[]>>>> = {
  TypeScript: {},
  JavaScript: {},
  Python: { "python3 with pytest": ["python3", "-m", "pytest", "--version"] },
  Go: { go: ["go", "version"] },
  Rust: { cargo: ["cargo", "--version"] },
  Java: { javac: ["javac", "-version"], mvn: ["mvn", "--version"] },
};

const known = new Map<Task["language"], Promise<string[]>>();

async function probe(language: Task["language"]): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, argv] of Object.entries(probes[language])) {
    const { code } = await runProgram(argv, { cwd: "/" });
    if (code !== 0) missing.push(name);
  }
  return missing;
}

/** Names of what is missing; empty when the language's tasks can run. */
export function missingTools(language: Task["language"]): Promise<string[]> {
  const found = known.get(language) ?? probe(language);
  known.set(language, found);
  return found;
}
