// The profiles that hold for a repository: built-in, the user's, and the repository's own at
// the plan's commit (never the working tree, so that an approved plan keeps its agents).
import { AgentError } from "@ossaat/contracts";
import type { AgentListResponse, IndexService } from "@ossaat/contracts";
import { agentLimits, loadAgents } from "@ossaat/agents";

import type { AgentCatalog } from "../step/step-deps.ts";

const catalogLimits = {
  /** Repositories and commits kept in memory. */
  maxCached: 32,
} as const;

export type AgentCatalogDeps = { index: Pick<IndexService, "listPaths" | "readFile">; userDir?: string | undefined };
type Loaded = Awaited<ReturnType<typeof loadAgents>>;
type Place = { path: string; commit: string };
type RepositoryFile = { path: string; text: string };

async function readRepositoryFiles(
  index: AgentCatalogDeps["index"],
  { path: root, commit }: Place,
): Promise<RepositoryFile[]> {
  const repository = { tenantId: "local", root, commit };
  const paths = await index.listPaths({ ...repository, pathPrefix: "agents/", limit: 1_000 });
  const names = paths.filter((path) => /^agents\/[^/]+\/agent\.md$/.test(path));
  const files: RepositoryFile[] = [];
  // NOTE: one more than counts, so that the loader says that the others are left out.
  for (const path of names.slice(0, agentLimits.maxProfiles + 1)) {
    const { text } = await index.readFile({ ...repository, path, maxBytes: agentLimits.maxProfileBytes + 1 });
    files.push({ path, text });
  }
  return files;
}

export type ListingCatalog = AgentCatalog & { list(place: Place): Promise<AgentListResponse> };

/**
 * Keeps what a commit holds, which never changes; the built-in and the user's own profiles are read
 * each time, so that an edited one holds at once.
 */
export function createAgentCatalog({ index, userDir }: AgentCatalogDeps): ListingCatalog {
  const cache = new Map<string, Promise<RepositoryFile[]>>();
  const cached = (place: Place): Promise<RepositoryFile[]> => {
    const key = `${place.path}\0${place.commit}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    if (cache.size >= catalogLimits.maxCached) cache.clear();
    const loading = readRepositoryFiles(index, place);
    loading.catch(() => cache.delete(key));
    cache.set(key, loading);
    return loading;
  };
  const load = async (place: Place): Promise<Loaded> =>
    loadAgents({ repositoryFiles: await cached(place), ...(userDir === undefined ? {} : { userDir }) });
  return {
    async profiles(place) {
      const { profiles, problems } = await load(place);
      const [first] = problems;
      if (first !== undefined) {
        const where = first.line === undefined ? first.path : `${first.path}:${first.line}`;
        throw new AgentError("invalid_input", `An agent profile is not valid: ${where}: ${first.message}`, {
          details: { problems, next: "mend the file and commit it, or run `ossaat agents` to see every problem" },
        });
      }
      return profiles;
    },
    async list(place) {
      const { profiles, problems, notices } = await load(place);
      const agents = [...profiles.values()].map(({ instructions: _text, ...profile }) => profile);
      const told = notices.map((notice) => ({ ...notice, level: "notice" as const }));
      return { schemaVersion: 1, agents, problems: [...problems, ...told] };
    },
  };
}
