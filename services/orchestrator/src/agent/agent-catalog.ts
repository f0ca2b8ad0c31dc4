// The profiles that hold for a repository: built-in, the user's, and the repository's own at
// the plan's commit (never the working tree, so that an approved plan keeps its agents).
import { AgentError } from "@ossaat/contracts";
import type { AgentListResponse, IndexService } from "@ossaat/contracts";
import { loadAgents } from "@ossaat/agents";

import type { AgentCatalog } from "../step/step-deps.ts";

const agentLimits = {
  /** Profiles a repository may bring. */
  maxFiles: 64,
  /** Bytes of one agent.md. */
  maxBytes: 64 * 1024,
  /** Repositories and commits kept in memory. */
  maxCached: 32,
} as const;

export type AgentCatalogDeps = { index: IndexService; userDir?: string | undefined };
type Loaded = Awaited<ReturnType<typeof loadAgents>>;
type Place = { path: string; commit: string };

async function load({ index, userDir }: AgentCatalogDeps, { path: root, commit }: Place): Promise<Loaded> {
  const repository = { tenantId: "local", root, commit };
  const paths = await index.listPaths({ ...repository, pathPrefix: "agents/", limit: 1_000 });
  const files = paths.filter((path) => /^agents\/[^/]+\/agent\.md$/.test(path)).slice(0, agentLimits.maxFiles);
  const repositoryFiles: { path: string; text: string }[] = [];
  for (const path of files) {
    const { text } = await index.readFile({ ...repository, path, maxBytes: agentLimits.maxBytes + 1 });
    repositoryFiles.push({ path, text });
  }
  return loadAgents({ repositoryFiles, ...(userDir === undefined ? {} : { userDir }) });
}

export type ListingCatalog = AgentCatalog & { list(place: Place): Promise<AgentListResponse> };

export function createAgentCatalog(deps: AgentCatalogDeps): ListingCatalog {
  const cache = new Map<string, Promise<Loaded>>();
  const cached = (place: Place): Promise<Loaded> => {
    const key = `${place.path}\0${place.commit}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    if (cache.size >= agentLimits.maxCached) cache.clear();
    const loading = load(deps, place);
    loading.catch(() => cache.delete(key));
    cache.set(key, loading);
    return loading;
  };
  return {
    async profiles(place) {
      const { profiles, problems } = await cached(place);
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
      const { profiles, problems } = await cached(place);
      const agents = [...profiles.values()].map(({ instructions: _text, ...profile }) => profile);
      return { schemaVersion: 1, agents, problems };
    },
  };
}
