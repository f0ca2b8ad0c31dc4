// Finds the profiles that hold for a repository: built-in, the user's, the repository's.
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { AgentProfile } from "@ossaat/contracts";

import type { AgentProblem } from "./agent-problem.ts";
import { agentLimits } from "./limits.ts";
import { narrowProfile } from "./narrow-profile.ts";
import { parseAgent } from "./parse-agent.ts";
import type { AgentFile } from "./parse-agent.ts";

export type LoadAgentsOptions = {
  /** Files `agents/<name>/agent.md` of the repository at the plan's base commit; others are ignored. */
  repositoryFiles?: readonly { path: string; text: string }[] | undefined;
  /** Folder with the user's own `<name>/agent.md`. */
  userDir?: string | undefined;
  /** Folder with the built-in `<name>/agent.md`; default: the ones shipped here. */
  builtInDir?: string | undefined;
};

export type LoadedAgents = {
  profiles: Map<string, AgentProfile>;
  /** Files that take no effect because they are not valid. */
  problems: AgentProblem[];
  /** Parts of valid files that take no effect. */
  notices: AgentProblem[];
};

const shippedDir = fileURLToPath(new URL("..", import.meta.url));

/** Names of the agents shipped with the product. */
export const builtInAgents = ["planner", "code-writer", "tester", "auditor"] as const;

function isMissing(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

async function readAgentFile(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    // A file over the limit is not read whole; the length alone rejects it.
    if (size > agentLimits.maxProfileBytes) return " ".repeat(agentLimits.maxProfileBytes + 1);
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function listFolders(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir);
    return entries.toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function readFolders(dir: string, folders: readonly string[], source: AgentFile["source"]): Promise<AgentFile[]> {
  const files: AgentFile[] = [];
  for (const folder of folders) {
    const path = join(dir, folder, "agent.md");
    const text = await readAgentFile(path);
    if (text !== undefined) files.push({ path, folder, text, source });
  }
  return files;
}

function repositoryAgentFiles(files: NonNullable<LoadAgentsOptions["repositoryFiles"]>): AgentFile[] {
  return files.flatMap(({ path, text }) => {
    const folder = /^agents\/([^/]+)\/agent\.md$/.exec(path)?.[1];
    return folder === undefined ? [] : [{ path, folder, text, source: "repository" as const }];
  });
}

class Catalog {
  readonly profiles = new Map<string, AgentProfile>();
  readonly problems: AgentProblem[] = [];
  readonly notices: AgentProblem[] = [];

  addTrusted(file: AgentFile): void {
    const parsed = parseAgent(file);
    if ("problems" in parsed) this.problems.push(...parsed.problems);
    else this.profiles.set(parsed.profile.name, parsed.profile);
  }

  addFromRepository(file: AgentFile, trusted: ReadonlyMap<string, AgentProfile>): void {
    const parsed = parseAgent(file);
    if ("problems" in parsed) {
      this.problems.push(...parsed.problems);
      // The rejected file may have been meant to forbid something: nothing stands in for it.
      this.profiles.delete(file.folder);
      return;
    }
    const { profile, refused } = narrowProfile(parsed.profile, trusted.get(parsed.profile.name));
    this.profiles.set(profile.name, profile);
    for (const capability of refused) {
      const index = parsed.profile.capabilities.indexOf(capability);
      const message = `The capability "${capability}" was left out: a repository's profile cannot grant it. To allow it, copy the profile into your own agents folder.`;
      this.notices.push({ path: file.path, line: parsed.lineOf(["capabilities", index]), message });
    }
  }
}

/**
 * Loads the profiles: built-in, replaced by the user's of the same name, replaced by the
 * repository's of the same name inside the bounds of the one before. A rejected file is reported
 * and takes no effect, but a rejected repository file also takes its agent away, because running
 * another profile in its place could do what the file was meant to forbid.
 */
export async function loadAgents(options: LoadAgentsOptions = {}): Promise<LoadedAgents> {
  const { builtInDir = shippedDir, userDir } = options;
  const catalog = new Catalog();
  for (const file of await readFolders(builtInDir, builtInAgents, "built-in")) catalog.addTrusted(file);
  if (userDir !== undefined) {
    const folders = await listFolders(userDir);
    for (const file of await readFolders(userDir, folders, "user")) catalog.addTrusted(file);
  }
  const trusted = new Map(catalog.profiles);
  const files = repositoryAgentFiles(options.repositoryFiles ?? []);
  for (const file of files.slice(0, agentLimits.maxProfiles)) catalog.addFromRepository(file, trusted);
  for (const { path } of files.slice(agentLimits.maxProfiles)) {
    catalog.notices.push({ path, message: `Only ${agentLimits.maxProfiles} profiles are read from a repository.` });
  }
  const { profiles, problems, notices } = catalog;
  return { profiles, problems, notices };
}
