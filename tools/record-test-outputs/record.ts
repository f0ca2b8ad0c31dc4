// Runs the small projects with their real runners and writes what they print as fixtures of the
// parsers: `node tools/record-test-outputs/record.ts [runner …]`. Needs the runners and, the first
// time, the network. Not part of any check.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

import { normalizeOutput, normalizeReport } from "./normalize.ts";
import { outcomes, projects } from "./projects.ts";
import type { Outcome, Project } from "./projects.ts";

const fixtures = fileURLToPath(new URL("../../services/tool-runner/src/test-runner/fixtures", import.meta.url));
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "ossaat-test-outputs");

/** Wall time of a run that is meant to hang, seconds; enough for a cold Gradle to reach the test. */
const hangSeconds = 45;
const runSeconds = 300;

type Run = { output: string; exitCode: number | null; timedOut: boolean };

/** One run with both streams in one; its whole process group is ended when the time is over. */
function run(argv: readonly string[], cwd: string, seconds: number): Run {
  const env = { ...process.env, CI: "true", NO_COLOR: "1", FORCE_COLOR: undefined };
  const words = ["-s", "KILL", `${seconds}`, "sh", "-c", 'exec "$@" 2>&1', "sh", ...argv];
  const done = spawnSync("timeout", words, { cwd, env, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const timedOut = done.status === 137 || done.signal === "SIGKILL";
  // A shell reports a signal as 128 and its number; the platform reports it as no exit code.
  const signalled = done.status !== null && done.status > 128;
  return { output: done.stdout, exitCode: timedOut || signalled ? null : done.status, timedOut };
}

function layOut(folder: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** Everything of an earlier outcome but what was installed. */
function cleanUp(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (!["node_modules", "package-lock.json", "Cargo.lock"].includes(name))
      rmSync(join(folder, name), { recursive: true });
  }
}

function keepReports(project: Project, folder: string, target: string): void {
  rmSync(target, { recursive: true, force: true });
  for (const place of project.reports ?? []) {
    const from = join(folder, place);
    if (!existsSync(from)) continue;
    for (const name of readdirSync(from).filter((each) => each.endsWith(".xml"))) {
      mkdirSync(target, { recursive: true });
      writeFileSync(join(target, name), normalizeReport(readFileSync(join(from, name), "utf8"), folder));
    }
  }
}

function record(project: Project): void {
  const folder = join(cache, project.runner);
  const target = join(fixtures, project.runner);
  const endings: Partial<Record<Outcome, Omit<Run, "output">>> = {};
  cleanUp(folder);
  layOut(folder, { ...project.base, ...project.files.pass });
  if (project.prepare !== undefined) {
    const prepared = run(project.prepare, folder, runSeconds);
    if (prepared.exitCode !== 0) throw new Error(`${project.runner} could not be prepared:\n${prepared.output}`);
  }
  mkdirSync(target, { recursive: true });
  const said = stripVTControlCharacters(run(project.version, folder, runSeconds).output);
  const version = said.split("\n").find((line) => project.says.test(line)) ?? "";
  for (const outcome of outcomes) {
    cleanUp(folder);
    layOut(folder, { ...project.base, ...project.files[outcome] });
    const { output, ...ending } = run(project.argv, folder, outcome === "timeout" ? hangSeconds : runSeconds);
    writeFileSync(join(target, `${outcome}.txt`), normalizeOutput(output, folder));
    keepReports(project, folder, join(target, `${outcome}.reports`));
    endings[outcome] = ending;
    console.log(`${project.runner} ${outcome}: exit ${ending.exitCode}${ending.timedOut ? ", timed out" : ""}`);
  }
  const about = { runner: project.runner, version, argv: project.argv, endings };
  writeFileSync(join(target, "recorded.json"), `${JSON.stringify(about, null, 2)}\n`);
}

const wanted = process.argv.slice(2);
for (const project of projects) if (wanted.length === 0 || wanted.includes(project.runner)) record(project);
