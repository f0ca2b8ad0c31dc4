// Steps for what builds the project: dependencies and a build that fails.
import type { ProjectProfile } from "@ossaat/contracts";

import { step } from "./draft-part.ts";
import type { DraftPart } from "./draft-part.ts";
import type { Evidence, Ground } from "./evidence.ts";
import { mentions } from "./evidence.ts";
import { nameOf, roleOf } from "./file-role.ts";
import { because, heading, list } from "./phrases.ts";
import { primaryFiles, sourceGlobs } from "./work.ts";

type Position = { id: string; needs: readonly string[] };

const manifest =
  /(?:^|\/)(?:package\.json|pyproject\.toml|requirements[^/]*\.txt|setup\.(?:py|cfg)|Pipfile|go\.mod|Cargo\.toml|pom\.xml|build\.gradle(?:\.kts)?|libs\.versions\.toml|Gemfile|[^/]+\.gemspec|composer\.json|[^/]+\.csproj)$/u;
const lockFiles: Readonly<Record<string, { lock: string[]; command?: string }>> = {
  npm: { lock: ["package-lock.json"], command: "npm install" },
  pnpm: { lock: ["pnpm-lock.yaml"], command: "pnpm install" },
  yarn: { lock: ["yarn.lock"], command: "yarn install" },
  bun: { lock: ["bun.lock", "bun.lockb"], command: "bun install" },
  go: { lock: ["go.sum"], command: "go mod tidy" },
  cargo: { lock: ["Cargo.lock"], command: "cargo update" },
  uv: { lock: ["uv.lock"], command: "uv lock" },
  poetry: { lock: ["poetry.lock"], command: "poetry lock" },
  bundler: { lock: ["Gemfile.lock"], command: "bundle update" },
  composer: { lock: ["composer.lock"], command: "composer update" },
};

function isLockFile(path: string): boolean {
  return Object.values(lockFiles).some(({ lock }) => lock.includes(nameOf(path)));
}

async function usersOf(ground: Ground, name: string): Promise<string[]> {
  const hits = await ground.index.search({ ...ground.repository, query: name, topK: 60 });
  const paths = [...new Set(hits.map(({ path }) => path))].filter(
    (path) => ground.has(path) && roleOf(path) !== "docs" && !manifest.test(path) && !isLockFile(path),
  );
  const users: string[] = [];
  for (const path of paths.slice(0, 30)) if (await mentions(ground, path, name)) users.push(path);
  return users;
}

/** The manifest with its lock file, then the code that uses the package. */
export async function draftDependency(
  ground: Ground,
  { clause }: Evidence,
  { id, needs }: Position,
): Promise<DraftPart | undefined> {
  const { dependency } = clause;
  const manifests = ground.paths
    .filter((path) => manifest.test(path) && !["test", "docs"].includes(roleOf(path)))
    .slice(0, 60);
  const naming: string[] = [];
  for (const path of manifests)
    if (dependency === undefined || (await mentions(ground, path, dependency.name))) naming.push(path);
  if (naming.length === 0) return undefined;
  const managers = ground.profile.packageManagers.flatMap((name) => lockFiles[name] ?? []);
  const locks = ground.paths.filter((path) => managers.some(({ lock }) => lock.includes(nameOf(path))));
  const label = dependency === undefined ? "the dependencies" : dependency.name;
  const version = dependency?.version === undefined ? "" : ` to ${dependency.version}`;
  const steps = [
    step({
      id,
      title: `Raise ${label}${version} in ${list(naming.slice(0, 3))}`,
      summary: `Change the version of ${label}${version} in ${list(naming.slice(0, 8))} and bring the lock file along with the package manager. Nothing else is raised.`,
      rationale: `${list(naming.slice(0, 8))} ${naming.length === 1 ? "names" : "name"} ${label} at this commit.${locks.length === 0 ? " No lock file is tracked." : ` Locked in ${list(locks.slice(0, 4))}.`}`,
      files: [...naming.slice(0, 24), ...locks.slice(0, 8)],
      commands: managers.flatMap(({ command }) => command ?? []),
      needs,
      risk: "medium",
    }),
  ];
  const users = dependency === undefined ? [] : await usersOf(ground, dependency.name);
  if (users.length > 0) {
    steps.push(
      step({
        id: `${id}-uses`,
        title: `Adapt the uses of ${label} in ${users.length} file${users.length === 1 ? "" : "s"}`,
        summary: `Read the release notes in the package if they are there, and adapt what its new version changes. Files that use it: ${list(users.slice(0, 12))}. Leave a file alone when nothing in it has to change.`,
        rationale: `These files hold the name ${label} at this commit.`,
        files: users.slice(0, 24),
        needs: [id],
        risk: "medium",
      }),
    );
  }
  return {
    steps,
    assumptions: version === "" ? [`The newest version that the other constraints allow is meant.`] : [],
    risks: ["Fetching the package needs the network, which a step has only when its hosts are allowed."],
    criteria: [
      `${list(naming.slice(0, 3))} ${naming.length === 1 ? "asks" : "ask"} for ${label}${version}, and a lock file, if tracked, agrees.`,
    ],
  };
}

const buildWords = new Set(
  "build builds ci compile compilation type typecheck types check lint linter pipeline workflow test tests github actions job".split(
    " ",
  ),
);

/** The commands the goal speaks of, else all there are. */
function commandsFor(ground: Ground, text: string): ProjectProfile["testCommands"] {
  const { testCommands, buildCommands } = ground.profile;
  const all = [...buildCommands, ...testCommands];
  const isTypes = (argv: readonly string[]) => /type|tsc|mypy/u.test(argv.join(" "));
  const asked = [
    ...(/\btype[- ]?check|\btypes?\b/iu.test(text) ? all.filter(({ argv }) => isTypes(argv)) : []),
    ...(/\btests?\b/iu.test(text) ? testCommands : []),
    ...(/\b(?:build|compil\w+)\b/iu.test(text) ? buildCommands : []),
  ];
  return (asked.length > 0 ? asked : all).slice(0, 3);
}

function workflowsFor(ground: Ground, text: string): string[] {
  if (!/\b(?:ci|pipeline|workflow|github actions)\b/iu.test(text)) return [];
  const workflows = ground.paths.filter((path) => /^\.github\/workflows\/|^\.gitlab-ci\.yml$/u.test(path));
  const likely = workflows.filter((path) =>
    /(?:^|[-_./])(?:ci|tests?|build|check|lint|main)(?:[-_.]|$)/u.test(nameOf(path)),
  );
  return (likely.length > 0 ? likely : workflows).slice(0, 3);
}

/** Reproduce with the project's own command, then mend the cause. */
export function draftBuild(ground: Ground, evidence: Evidence, { id, needs }: Position): DraftPart | undefined {
  const { text, words } = evidence.clause;
  const chosen = commandsFor(ground, text);
  const sources = [...new Set(chosen.map(({ source }) => source.split(" ", 1)[0] ?? source))].filter((path) =>
    ground.has(path),
  );
  const namesPlace =
    words.some((word) => !buildWords.has(word)) || evidence.named.length + evidence.namedPaths.length > 0;
  const primary = namesPlace && evidence.matched.length > 0 ? primaryFiles(evidence).slice(0, 3) : [];
  const files = [...new Set([...primary.map(({ path }) => path), ...sources, ...workflowsFor(ground, text)])];
  if (files.length === 0) return undefined;
  const commands = chosen.map(({ argv }) => argv.join(" "));
  const run = commands.length === 0 ? "the failing command" : list(commands.map((command) => `\`${command}\``));
  return {
    steps: [
      step({
        id,
        title: `${heading(evidence.title)} (${list(files.slice(0, 2).map(nameOf))})`,
        summary: `Run ${run} and read the first error. Mend its cause, not its message: no check is switched off, no test is skipped. Repeat until every command exits 0.`,
        rationale: `${[...primary.map((file) => because(file, evidence.named)), ...sources.map((path) => `${path} defines ${run}`)].join("; ")}.`,
        files,
        paths: sourceGlobs(ground),
        commands,
        needs,
        risk: "medium",
      }),
    ],
    assumptions: [
      "The failure can be reproduced in the sandbox without the network; where it breaks is known only after the first run, so the whole source may be written.",
    ],
    risks: [
      "The error itself is not part of the goal, so the files named are where the command and the words of the goal point.",
    ],
    criteria: commands.map((command) => `\`${command}\` exits 0 in the sandbox.`),
  };
}
