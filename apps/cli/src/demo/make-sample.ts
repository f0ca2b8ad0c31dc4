// The demo's own repository: a small project with two real defects, committed to a fresh git.
import { execFile } from "node:child_process";
import { cp, mkdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { AgentError } from "@ossaat/contracts";

import { git } from "../repository/git.ts";

const run = promisify(execFile);

const demoFolder = fileURLToPath(new URL("../../demo", import.meta.url));

/** The scripted model's replies for the sample. */
export const scriptPath = path.join(demoFolder, "replies.json");

const markerName = ".ossaat-demo";

/** Makes an empty demo folder. @throws AgentError conflict when it holds something else */
async function clearFolder(folder: string): Promise<void> {
  const exists = await stat(folder).catch(() => undefined);
  if (exists !== undefined) {
    const marker = await stat(path.join(folder, markerName)).catch(() => undefined);
    if (marker === undefined) {
      throw new AgentError("conflict", `${folder} exists and is not an earlier demo; it stays as it is.`, {
        details: { next: "ossaat demo --dir FOLDER" },
      });
    }
    await rm(folder, { recursive: true });
  }
  await mkdir(path.join(folder, markerName), { recursive: true });
}

/** Writes and commits the sample; returns its path. */
export async function makeSample(folder: string): Promise<string> {
  await clearFolder(folder);
  const sample = path.join(folder, "invoices");
  await cp(path.join(demoFolder, "sample"), sample, { recursive: true });
  await git(sample, ["init", "--quiet", "--initial-branch=main"]);
  await git(sample, ["add", "--all"]);
  const author = ["-c", "user.name=Demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"];
  await git(sample, [...author, "commit", "--quiet", "--message=Invoices, with two defects"]);
  return sample;
}

export type TestCounts = { passed: number; failed: number };

/** Runs the sample's own tests and counts; its code is the demo's, so no box is needed. */
export async function countTests(sample: string): Promise<TestCounts> {
  const args = ["--test", "--test-reporter=tap"];
  const output = await run(process.execPath, args, { cwd: sample }).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout ?? "",
  );
  const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(output)?.[1] ?? "-1");
  const counts = { passed: count("pass"), failed: count("fail") };
  if (counts.passed >= 0 && counts.failed >= 0) return counts;
  throw new AgentError("internal", "The sample's tests could not be run.", { cause: output });
}
