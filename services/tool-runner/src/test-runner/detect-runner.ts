// Which program runs a project's tests, read from the project's own files.
import { posix } from "node:path";

import { AgentError } from "@ossaat/contracts";

import type { ProgramPlace } from "../dependencies/test-programs.ts";
import type { WorkspaceFiles } from "../files/workspace-files.ts";
import type { Counts } from "./counts.ts";
import { parsers } from "./parsers.ts";
import { plainGo, plainJest } from "./plain-output.ts";
import { projectFolders } from "./project-folders.ts";

/** A test command and how its output is read. */
export type TestRunner = {
  name: string;
  argv: string[];
  parse: (output: string, reports?: readonly string[]) => Counts | undefined;
  /** Folders in which it leaves JUnit XML. */
  reportFolders?: string[];
  /** What a person would have seen, for a runner that was asked to print data instead. */
  plain?: (output: string) => string;
  /** Folder it runs in, where that is not the repository's root. */
  cwd?: string;
  /** Folders of other projects, which it does not test. */
  others?: string[];
};

type Project = {
  files: Pick<WorkspaceFiles, "read" | "kind">;
  paths: readonly string[];
  filter: string | undefined;
  /** Where programs of installed dependencies are started from. */
  placeOf: ProgramPlace;
};

const maxManifestBytes = 1024 * 1024;

async function readText(files: Project["files"], path: string): Promise<string> {
  try {
    return (await files.read(path, maxManifestBytes)).data.toString("utf8");
  } catch (error) {
    if (error instanceof AgentError) return "";
    throw error;
  }
}

type Manifest = { scripts: Record<string, unknown>; packages: Set<string>; hasWorkspaces: boolean };

async function readManifest(files: Project["files"]): Promise<Manifest | undefined> {
  const text = await readText(files, "package.json");
  if (text === "") return undefined;
  let data: Record<string, unknown>;
  try {
    data = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new AgentError("invalid_input", "package.json is not valid JSON.", { cause: error });
  }
  const keys = (value: unknown) => (typeof value === "object" && value !== null ? Object.keys(value) : []);
  const scripts = (typeof data["scripts"] === "object" ? data["scripts"] : null) ?? {};
  const packages = new Set([...keys(data["dependencies"]), ...keys(data["devDependencies"])]);
  const hasWorkspaces = typeof data["workspaces"] === "object" && data["workspaces"] !== null;
  return { scripts: scripts as Record<string, unknown>, packages, hasWorkspaces };
}

const some = (value: string | undefined, words: (text: string) => string[]): string[] =>
  value === undefined ? [] : words(value);

/** The words of a script without anything a shell would have to read; undefined otherwise. */
function plainWords(script: string): string[] | undefined {
  return /^[\w./:=@,-]+(?: [\w./:=@,-]+)*$/u.test(script) ? script.split(" ") : undefined;
}

function nodeTestRunner(script: string, filter: string | undefined): TestRunner {
  const words = plainWords(script);
  const pattern = some(filter, (text) => [`--test-name-pattern=${text}`]);
  const argv =
    words === undefined || words[0] !== "node"
      ? ["npm", "test", "--silent"]
      : ["node", "--test-reporter=tap", ...pattern, ...words.slice(1)];
  return { name: "node:test", argv, parse: parsers.nodeTest };
}

async function detectJavaScript({ files, paths, filter, placeOf }: Project): Promise<TestRunner | undefined> {
  const manifest = await readManifest(files);
  if (manifest === undefined) return undefined;
  const script = typeof manifest.scripts["test"] === "string" ? manifest.scripts["test"] : "";
  const uses = (name: string) => new RegExp(`(?:^|[\\s/])${name}(?:\\s|$)`, "u").test(script);
  const has = (name: string) => uses(name) || (script === "" && manifest.packages.has(name));
  const name = some(filter, (text) => ["-t", text]);
  const bin = (program: string) => `${placeOf("node_modules")}/.bin/${program}`;
  if (has("vitest"))
    return { name: "vitest", argv: [bin("vitest"), "run", "--reporter=tap-flat", ...name], parse: parsers.vitest };
  if (has("jest"))
    return {
      name: "jest",
      argv: [bin("jest"), "--json", "--testLocationInResults", ...name],
      parse: parsers.jest,
      plain: plainJest,
    };
  if (has("mocha")) {
    const grep = some(filter, (text) => ["--grep", text]);
    return { name: "mocha", argv: [bin("mocha"), "--reporter", "json", ...grep], parse: parsers.mocha };
  }
  if (/\bnode\b[^&|;]*--test\b/u.test(script)) return nodeTestRunner(script, filter);
  if (script !== "" && !script.includes("no test specified")) {
    return {
      name: "npm test",
      argv: ["npm", "test", "--silent", ...some(filter, (text) => ["--", text])],
      parse: parsers.any,
    };
  }
  if (manifest.hasWorkspaces) {
    const argv = ["npm", "test", "--workspaces", "--if-present", "--silent"];
    return { name: "npm test", argv: [...argv, ...some(filter, (text) => ["--", text])], parse: parsers.any };
  }
  const hasTests = paths.some((path) => /(?:^|\/)(?:test\/.*|[^/]*[._-]test)\.[cm]?[jt]s$/u.test(path));
  return hasTests ? nodeTestRunner("node --test", filter) : undefined;
}

/** Python of the project's own virtual environment where there is one. */
async function findPython({ files, placeOf }: Project): Promise<string> {
  for (const folder of [".venv", "venv"]) {
    if ((await files.kind(folder)) !== "folder") continue;
    if ((await files.kind(`${folder}/pyvenv.cfg`)) !== "missing") return `${placeOf(folder)}/bin/python`;
  }
  return "python3";
}

async function detectPython(project: Project): Promise<TestRunner | undefined> {
  const { files, paths, filter } = project;
  const tests = paths.filter((path) => /(?:^|\/)(?:test_[^/]*|[^/]*_test|tests?)\.py$/u.test(path));
  const named = paths.some((path) => /(?:^|\/)(?:pytest\.ini|conftest\.py)$/u.test(path));
  if (tests.length === 0 && !named) return undefined;
  const manifests = ["pyproject.toml", "setup.cfg", "tox.ini", "requirements.txt", "requirements-dev.txt"];
  const texts = await Promise.all([...manifests, ...tests.slice(0, 20)].map((path) => readText(files, path)));
  const python = await findPython(project);
  if (named || texts.some((text) => /\bpytest\b/u.test(text))) {
    const argv = [python, "-m", "pytest", "-q", "-rfE", "--tb=short", "--color=no", "-p", "no:cacheprovider"];
    return { name: "pytest", argv: [...argv, ...some(filter, (text) => ["-k", text])], parse: parsers.pytest };
  }
  const pattern = some(filter, (text) => ["-k", text]);
  return { name: "unittest", argv: [python, "-m", "unittest", "discover", ...pattern], parse: parsers.unittest };
}

/** A folder below each module of a build. */
function besideManifests(paths: readonly string[], manifests: readonly string[], folder: string): string[] {
  const modules = paths.filter((path) => manifests.includes(posix.basename(path))).map((path) => posix.dirname(path));
  return [...new Set(modules)].map((module) => posix.join(module, folder));
}

/** Packages of a module, or of every module that a `go.work` uses. */
function goPackages(work: string): string[] {
  const used = [...work.matchAll(/^\s*(?:use\s+)?(\.{1,2}(?:\/[\w.-]+)*)\s*(?:\/\/.*)?$/gmu)].map(
    ([, folder = "."]) => folder,
  );
  const inside = used.filter((folder) => !folder.startsWith(".."));
  return inside.length === 0 ? ["./..."] : inside.map((folder) => `${folder}/...`);
}

async function detectOther({ files, paths, filter }: Project): Promise<TestRunner | undefined> {
  const has = (name: string) => paths.includes(name);
  if (has("go.mod") || has("go.work")) {
    const run = some(filter, (text) => ["-run", text]);
    const packages = goPackages(has("go.work") ? await readText(files, "go.work") : "");
    return { name: "go test", argv: ["go", "test", "-json", ...run, ...packages], parse: parsers.go, plain: plainGo };
  }
  if (has("Cargo.toml")) {
    // Beside a package of its own, a workspace's root tests that package alone unless told.
    const all = /^\s*\[workspace[\].]/mu.test(await readText(files, "Cargo.toml")) ? ["--workspace"] : [];
    const argv = ["cargo", "test", "--offline", "--no-fail-fast", ...all, ...some(filter, (text) => [text])];
    return { name: "cargo test", argv, parse: parsers.cargo };
  }
  if (has("pom.xml")) {
    return {
      name: "maven",
      argv: ["mvn", "-o", "-B", ...some(filter, (text) => [`-Dtest=${text}`]), "test"],
      parse: parsers.maven,
      reportFolders: besideManifests(paths, ["pom.xml"], "target/surefire-reports"),
    };
  }
  if (has("build.gradle") || has("build.gradle.kts")) {
    const names = some(filter, (text) => ["--tests", text]);
    const program = has("gradlew") ? "./gradlew" : "gradle";
    return {
      name: "gradle",
      // Without cleanTest a run that would repeat the last one is skipped and leaves no report.
      argv: [program, "--offline", "--no-daemon", "--continue", "cleanTest", "test", ...names],
      parse: parsers.gradle,
      reportFolders: besideManifests(paths, ["build.gradle", "build.gradle.kts"], "build/test-results/test"),
    };
  }
  return undefined;
}

/** The project of a folder, as if the folder were the root. */
function below({ files, paths, filter, placeOf }: Project, folder: string): Project {
  const join = (path: string) => posix.join(folder, path);
  return {
    files: { read: (path, maxBytes) => files.read(join(path), maxBytes), kind: (path) => files.kind(join(path)) },
    paths: paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1)),
    filter,
    // What is not shown elsewhere is named from the folder, because the run begins there.
    placeOf: (name) => (placeOf(join(name)) === join(name) ? name : placeOf(join(name))),
  };
}

/** What the root itself says: Python below it that has a project of its own is tested there. */
function atRoot(project: Project, folders: readonly string[]): Project {
  const python = ["pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "conftest.py"];
  if (project.paths.some((path) => python.includes(path))) return project;
  const own = folders.filter((folder) => python.some((name) => project.paths.includes(`${folder}/${name}`)));
  const isElsewhere = (path: string) => path.endsWith(".py") && own.some((folder) => path.startsWith(`${folder}/`));
  return { ...project, paths: project.paths.filter((path) => !isElsewhere(path)) };
}

async function detectHere(project: Project): Promise<TestRunner | undefined> {
  return (await detectJavaScript(project)) ?? (await detectPython(project)) ?? detectOther(project);
}

/** The runner of a project, or undefined when nothing says how it is tested; the root says it before any folder. */
export async function detectRunner(project: Project): Promise<TestRunner | undefined> {
  const folders = projectFolders(project.paths);
  const ofRoot = await detectHere(atRoot(project, folders));
  if (ofRoot !== undefined) return ofRoot;
  for (const folder of folders) {
    const found = await detectHere(below(project, folder));
    if (found === undefined) continue;
    const { name, reportFolders } = found;
    const reports =
      reportFolders === undefined ? {} : { reportFolders: reportFolders.map((path) => posix.join(folder, path)) };
    const others = folders.filter((other) => other !== folder && !other.startsWith(`${folder}/`));
    return { ...found, name: `${name} in ${folder}`, cwd: folder, others, ...reports };
  }
  return undefined;
}
