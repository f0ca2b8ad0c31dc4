// package.json: the package manager by lock file, and its scripts.
import { beside } from "./manifest.ts";
import type { FoundCommand, ManifestFacts, ManifestInput, ManifestReader } from "./manifest.ts";

const lockFiles = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
] as const;

type PackageJson = { scripts?: Record<string, unknown>; packageManager?: unknown };

function parse(text: string): PackageJson | undefined {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/u, ""));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // A package.json that does not parse says nothing; the profile goes on without it.
    return undefined;
  }
}

function managerOf(json: PackageJson, input: ManifestInput): string {
  const named = /^(npm|pnpm|yarn|bun)@/u.exec(typeof json.packageManager === "string" ? json.packageManager : "")?.[1];
  const locked = lockFiles.find(([name]) => input.has(beside(input, name)) || input.has(name))?.[1];
  return named ?? locked ?? "npm";
}

function argvOf(manager: string, script: string, folder: string): string[] {
  const where = folder === "" ? [] : folderFlags(manager, folder);
  if (manager === "bun") return ["bun", ...where, "run", script];
  if (script === "test") return [manager, ...where, "test"];
  return [manager, ...where, "run", script];
}

function folderFlags(manager: string, folder: string): string[] {
  if (manager === "pnpm") return ["--dir", folder];
  return manager === "npm" ? ["--prefix", folder] : ["--cwd", folder];
}

function commands(
  names: readonly string[],
  json: PackageJson,
  { make, path }: { make: (script: string) => string[]; path: string },
): FoundCommand[] {
  const scripts = json.scripts ?? {};
  return names
    .filter((name) => {
      const script = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
      return typeof script === "string" && script !== "" && !script.includes("no test specified");
    })
    .map((name) => ({ argv: make(name), source: `${path} scripts.${name}` }));
}

export const packageJsonReader: ManifestReader = {
  matches: (name) => name === "package.json",
  read(input): ManifestFacts {
    const json = parse(input.text);
    if (json === undefined) return { managers: [], tests: [], builds: [] };
    const manager = managerOf(json, input);
    const make = (script: string) => argvOf(manager, script, input.folder);
    const { path } = input;
    return {
      managers: [manager],
      tests: commands(["test", "test:unit", "test-unit", "unit", "test:ci"], json, { make, path }),
      builds: commands(["build", "compile", "typecheck", "type-check", "types"], json, { make, path }),
    };
  },
};
