// What a repository says to agents (AGENTS.md and the like), as it was when the plan began.
import type { IndexService, RepositoryRef } from "@ossaat/contracts";

/** Bytes of one guidance file, and how many files are read. */
const maxBytes = 8 * 1024;
const maxFiles = 2;

/** The files one after the other, each under its path; undefined when there are none. */
export async function readGuidance(index: IndexService, repository: RepositoryRef): Promise<string | undefined> {
  const { guidanceFiles } = await index.profile(repository);
  const parts: string[] = [];
  for (const path of guidanceFiles.slice(0, maxFiles)) {
    const { text } = await index.readFile({ ...repository, path, maxBytes });
    parts.push(`${path}:\n${text}`);
  }
  return parts.length === 0 ? undefined : parts.join("\n\n");
}
