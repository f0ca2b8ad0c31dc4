// Risk of a call, from the tool and its arguments alone; the acting model's word never counts.
import { toolInputs, toolSpecs } from "@ossaat/contracts";
import type { ToolName } from "@ossaat/contracts";

import type { ToolCall } from "./check-envelope.ts";
import { isCommandWrapper } from "./commands.ts";
import { patchPaths } from "./patch-paths.ts";
import { isProtectedPath, normalizePath } from "./paths.ts";

export type RiskLevel = { risk: "low" | "medium" | "high"; why: string };

const manifests =
  /(?:^|\/)(?:package(?:-lock)?\.json|pnpm-lock\.yaml|yarn\.lock|requirements[^/]*\.txt|pyproject\.toml|setup\.py|go\.(?:mod|sum)|cargo\.(?:toml|lock)|pom\.xml|build\.gradle(?:\.kts)?|gemfile(?:\.lock)?|dockerfile|makefile)$/iu;

const destructive = new Set(["rm", "rmdir", "dd", "mkfs", "shred", "truncate", "chmod", "chown", "kill", "pkill"]);
const network = new Set([
  "curl",
  "wget",
  "ssh",
  "scp",
  "rsync",
  "nc",
  "socat",
  "ftp",
  "telnet",
  "gh",
  "docker",
  "kubectl",
]);
const interpreters = new Set(["node", "deno", "bun", "python", "python3", "ruby", "perl", "php", "lua"]);
const packageManagers = new Set(["npm", "pnpm", "yarn", "bun", "pip", "pip3", "cargo", "go", "gem", "mvn", "gradle"]);
const testWords = new Set(["test", "tests", "check", "lint", "typecheck", "vet", "fmt", "build", "t"]);

function rank(levels: readonly RiskLevel[]): RiskLevel {
  return (
    levels.find((level) => level.risk === "high") ??
    levels.find((level) => level.risk === "medium") ??
    levels[0] ?? { risk: "high", why: "nothing is known about the call" }
  );
}

function pathRisk(path: string): RiskLevel {
  const normal = normalizePath(path);
  if (!normal.ok) return { risk: "high", why: `${path}: ${normal.why}` };
  if (isProtectedPath(normal.path)) {
    return { risk: "high", why: `${normal.path} configures agents, automation or secrets` };
  }
  if (manifests.test(normal.path)) return { risk: "medium", why: `${normal.path} decides what is installed or built` };
  return { risk: "low", why: `changes ${normal.path}, undone with the branch` };
}

function packageManagerRisk(program: string, words: readonly string[]): RiskLevel {
  const verb = words.find((word) => !word.startsWith("-")) ?? "";
  if (["publish", "login", "token", "owner", "deploy", "unpublish"].includes(verb)) {
    return { risk: "high", why: `${program} ${verb} reaches beyond this machine` };
  }
  if (testWords.has(verb)) return { risk: "low", why: `runs the project's ${verb}` };
  return { risk: "medium", why: `${program} ${verb} can run code of packages` };
}

function commandRisk(argv: readonly string[]): RiskLevel {
  const program = (argv[0] ?? "").split("/").at(-1) ?? "";
  const words = argv.slice(1);
  if (isCommandWrapper(program)) return { risk: "high", why: `${program} runs another program or script` };
  if (destructive.has(program)) return { risk: "high", why: `${program} can destroy files` };
  if (network.has(program)) return { risk: "high", why: `${program} talks to other machines` };
  if (program === "git") {
    const reads = ["status", "diff", "log", "show"].includes(words[0] ?? "");
    return reads
      ? { risk: "low", why: "reads the history" }
      : { risk: "high", why: `git ${words[0] ?? ""} changes the repository` };
  }
  if (packageManagers.has(program)) return packageManagerRisk(program, words);
  if (interpreters.has(program)) {
    const runsTests = words[0] === "--test" || (words[0] === "-m" && ["pytest", "unittest"].includes(words[1] ?? ""));
    return runsTests
      ? { risk: "low", why: "runs the project's tests" }
      : { risk: "medium", why: `${program} runs any code it is given` };
  }
  if (["pytest", "vitest", "jest", "mocha", "tsc", "eslint", "oxlint", "ruff", "mypy"].includes(program)) {
    return { risk: "low", why: `runs ${program} on the project` };
  }
  return { risk: "medium", why: `${program} is not a known test or build command` };
}

function hostRisk(hosts: unknown): RiskLevel[] {
  if (!Array.isArray(hosts) || hosts.length === 0) return [];
  return [{ risk: "high", why: `may send what it reads to ${hosts.join(", ")}` }];
}

/** Deterministic risk of a call. Unknown tools and malformed arguments are high. */
export function classifyRisk(call: ToolCall): RiskLevel {
  if (!Object.hasOwn(toolInputs, call.tool)) return { risk: "high", why: `${call.tool} is not a known tool` };
  const name = call.tool as ToolName;
  const parsed = toolInputs[name].safeParse(call.input);
  if (!parsed.success) return { risk: "high", why: "the arguments do not fit the tool" };
  const input = parsed.data as Record<string, unknown>;
  if (toolSpecs[name].effect === "pure") return { risk: "low", why: "only reads" };
  if (name === "run_tests") return { risk: "low", why: "runs the project's tests" };
  if (name === "run_command") return rank([commandRisk(input["argv"] as string[]), ...hostRisk(input["hosts"])]);
  if (name === "apply_patch") {
    const patch = input["patch"] as string;
    const deletes: RiskLevel[] = /^(?:\+\+\+ \/dev\/null|\*\*\* Delete File:)/mu.test(patch)
      ? [{ risk: "medium", why: "deletes a file" }]
      : [];
    return rank([...patchPaths(patch).map(pathRisk), ...deletes]);
  }
  const replaces: RiskLevel[] =
    input["overwrite"] === true ? [{ risk: "medium", why: `replaces the whole of ${String(input["path"])}` }] : [];
  return rank([pathRisk(input["path"] as string), ...replaces]);
}
