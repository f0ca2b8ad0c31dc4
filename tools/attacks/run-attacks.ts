// Runs every attack against every driver, as root and, in the same run, as an ordinary user; an
// ordinary user runs it as that user alone. Prints attacks by driver and user, and writes them.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readReport } from "../test/read-report.ts";
import { readRows, renderTable } from "./attack-table.ts";
import { openDaemon } from "./container-daemon.ts";

const reportFolder = ".tools/reports";
/** An ordinary user that owns nothing of this machine, and nobody's payload either. */
const ordinary = 10_777;

type User = { name: string; report: string };

/** Runs the tests; gives their exit code. */
function runTests(
  report: string,
  { env, before, cwd }: { env: NodeJS.ProcessEnv; before: string[]; cwd: string },
): number {
  const node = realpathSync("node_modules/.bin/node");
  const inFolder = (path: string) => (cwd === "." ? path : path.replace(realpathSync("."), cwd));
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "attacks", "--configLoader", "runner"];
  const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
  const [command = "", ...args] = [...before, inFolder(node), ...vitest, ...reporters];
  const { status } = spawnSync(command, args, { stdio: "inherit", env, cwd });
  return status ?? 1;
}

const asOrdinary = ["setpriv", `--reuid=${ordinary}`, `--regid=${ordinary}`, "--clear-groups", "--"];

/** The repository where an ordinary user can read it: here, or shown a second time in an open folder. */
function openRepository(folder: string): { cwd: string; close(): void } {
  const read = spawnSync(
    asOrdinary[0] ?? "",
    [...asOrdinary.slice(1), realpathSync("node_modules/.bin/node"), "--version"],
    { stdio: "ignore" },
  );
  if (read.status === 0) return { cwd: ".", close: () => undefined };
  const cwd = join(folder, "repository");
  mkdirSync(cwd);
  const mounted = spawnSync("mount", ["--bind", realpathSync("."), cwd], { stdio: "inherit" });
  if (mounted.status !== 0)
    throw new Error("The repository lies where an ordinary user cannot read it, and cannot be mounted elsewhere.");
  return { cwd, close: () => void spawnSync("umount", [cwd], { stdio: "inherit" }) };
}

/** The ordinary user's run of a run that is root's. */
function runAsOrdinary(folder: string, cwd: string, host: string | undefined): number {
  const home = join(folder, "home");
  mkdirSync(home);
  chownSync(home, ordinary, ordinary);
  const report = join(home, "report.json");
  const path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
  const env = {
    PATH: path,
    HOME: home,
    TMPDIR: home,
    LANG: "C.UTF-8",
    ...(host === undefined ? {} : { DOCKER_HOST: host }),
  };
  const status = runTests(report, { env, before: asOrdinary, cwd });
  copyFileSync(report, `${reportFolder}/attacks-user.json`);
  return status;
}

// The tests hear of it by themselves; this process goes on to stop the engine.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
mkdirSync(reportFolder, { recursive: true });
for (const name of ["root", "user"]) rmSync(`${reportFolder}/attacks-${name}.json`, { force: true });
const isRoot = process.getuid?.() === 0;
const folder = mkdtempSync(join(tmpdir(), "ossaat-attacks-"));
chmodSync(folder, 0o755);
const users: User[] = [];
let failures = 0;
// Before the engine is started: it sees what is mounted then.
const repository = isRoot ? openRepository(folder) : undefined;
const daemon = await openDaemon(ordinary);
try {
  console.log(`container engine: ${daemon.note}`);
  const env = daemon.host === undefined ? process.env : { ...process.env, DOCKER_HOST: daemon.host };
  const own = isRoot ? "root" : "user";
  console.log(
    `\n# attacks as ${isRoot ? "root" : `an ordinary user (uid ${process.getuid?.()}) alone: root's attacks need root`}`,
  );
  users.push({ name: own, report: `${reportFolder}/attacks-${own}.json` });
  if (runTests(`${reportFolder}/attacks-${own}.json`, { env, before: [], cwd: "." }) !== 0) failures += 1;
  if (repository !== undefined) {
    console.log(`\n# attacks as an ordinary user (uid ${ordinary})`);
    users.push({ name: "user", report: `${reportFolder}/attacks-user.json` });
    if (runAsOrdinary(folder, repository.cwd, daemon.host) !== 0) failures += 1;
  }
} finally {
  await daemon.stop();
  repository?.close();
  rmSync(folder, { recursive: true, force: true });
}

const rows = readRows(users.map(({ name, report }) => ({ file: report, user: name })));
writeFileSync(
  `${reportFolder}/attacks.json`,
  `${JSON.stringify({ schemaVersion: 1, engine: daemon.note, rows }, undefined, 2)}\n`,
);
console.log(`\n${renderTable(rows)}\n`);
const counts = users.map(({ report }) => readReport(report));
const sum = (pick: (count: (typeof counts)[number]) => number) =>
  counts.reduce((total, count) => total + pick(count), 0);
const failed = Math.max(
  sum((count) => count.failed),
  failures,
);
for (const name of counts.flatMap((count) => count.skippedNames)) console.log(`skipped: ${name}`);
console.log(
  `${rows.length} attacks: ${sum((count) => count.passed)} passed, ${failed} failed, ${sum((count) => count.skipped)} skipped`,
);
process.exit(failed === 0 ? 0 : 1);
