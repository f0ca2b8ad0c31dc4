// The git repository a command is called in. Git decides; only of a plain checkout it is known without
// asking what git would say, and starting git takes longer than a small command does everything else.
import { readFileSync, realpathSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";

import type { Config } from "../config.ts";

/** Where a command acts. */
type Place = { folder: string; config: Pick<Config, "isGitSteered"> };

/** What may lead git to another answer than the nearest `.git`. */
const special = /worktree|\bbare\b(?!\s*=\s*false\b)|include|repositoryformatversion\s*=\s*[^0\s]/iu;
const plainHead = /^(?:ref: refs\/|[0-9a-f]{40,64}\s*$)/u;

function statOf(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false });
}

function isOwn(stats: Stats): boolean {
  return stats.uid === process.geteuid?.();
}

/** Whether the folder itself is what lies in a `.git`: git stops there. */
function isGitDir(folder: string): boolean {
  return statOf(path.join(folder, "HEAD")) !== undefined && statOf(path.join(folder, "objects")) !== undefined;
}

/** A `.git` folder of the user's own with a configuration that changes nothing about where it is. */
function isPlain(gitDir: string, top: Stats, git: Stats): boolean {
  if (!git.isDirectory() || !isOwn(top) || !isOwn(git) || top.dev !== git.dev) return false;
  if (!isGitDir(gitDir) || statOf(path.join(gitDir, "refs"))?.isDirectory() !== true) return false;
  const read = (name: string) => readFileSync(path.join(gitDir, name), "utf8");
  return plainHead.test(read("HEAD")) && !special.test(read("config"));
}

/** Top level of a plain checkout around a folder; undefined when git has to say. */
function findPlain(folder: string): string | undefined {
  try {
    const start = realpathSync(folder);
    const { dev } = statSync(start);
    for (let at = start; ; at = path.dirname(at)) {
      const top = statSync(at);
      if (top.dev !== dev) return undefined;
      const git = statOf(path.join(at, ".git"));
      if (git !== undefined) return isPlain(path.join(at, ".git"), top, git) ? at : undefined;
      if (isGitDir(at) || at === path.dirname(at)) return undefined;
    }
  } catch {
    // What cannot be read here is git's to judge.
    return undefined;
  }
}

async function askGit(folder: string): Promise<string | undefined> {
  const { git } = await import("./git.ts");
  try {
    return (await git(folder, ["rev-parse", "--show-toplevel"])).replace(/\n$/, "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new AgentError("unavailable", "git was not found.", {
        details: { next: "apt-get install -y git" },
        cause: error,
      });
    }
    return undefined;
  }
}

/** Top level of the repository around a folder; undefined outside of one. @throws AgentError unavailable */
export async function findRepository({ folder, config }: Place): Promise<string | undefined> {
  return (config.isGitSteered ? undefined : findPlain(folder)) ?? askGit(folder);
}

/** What git says of a folder in which it finds no repository. */
async function refusalOf(folder: string): Promise<string> {
  const { git } = await import("./git.ts");
  return git(folder, ["rev-parse", "--show-toplevel"]).catch((error: { stderr?: string }) => error.stderr ?? "");
}

/**
 * Top level of the repository around a folder, for what is about one repository alone.
 * @throws AgentError invalid_input outside of one, or in one that git refuses
 */
export async function requireRepository(place: Place): Promise<string> {
  const repository = await findRepository(place);
  if (repository !== undefined) return repository;
  const { folder } = place;
  if ((await refusalOf(folder)).includes("dubious ownership")) {
    const message = "This folder is not in a git repository that git reads for you: another user owns it.";
    const next = `git config --global --add safe.directory ${folder}`;
    throw new AgentError("invalid_input", message, { details: { next } });
  }
  throw new AgentError("invalid_input", "This folder is not in a git repository.", {
    details: { next: "cd into the repository; `ossaat runs --all` shows the plans of every one" },
  });
}
