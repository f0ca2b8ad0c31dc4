// The policy that holds for a repository: the shipped rules, and the policy files of the admin,
// the user and the project. Files are read at every question, so that an edited one holds at once.
import { readFile } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";
import type { IndexService, PolicyLayerName, RunMode } from "@ossaat/contracts";
import { parsePolicyFile, shippedPolicy, unavailableEngine } from "@ossaat/policy/decision";
import type { PolicyEngine, PolicyLayer } from "@ossaat/policy/decision";

const policiesLimits = {
  /** Repositories, commits and file contents kept in memory. */
  maxCached: 32,
  /** Bytes of a project's file, one more than a policy file may have so that a longer one is refused. */
  maxProjectBytes: 256 * 1024 + 1,
} as const;

/** The project's own policy file, from the repository root; read as it is at the plan's base commit. */
const projectPolicyPath = ".ossaat/policy.json";

export type PolicyFiles = {
  /** `mustExist` where somebody named the file: a missing one must not mean "no rules". */
  admin: readonly { path: string; mustExist: boolean }[];
  user?: string | undefined;
};

/** What decides about calls in one repository at one commit. */
export type PolicyInForce = {
  engine: PolicyEngine;
  layers: readonly PolicyLayer[];
  runMode: RunMode;
  /** Why nothing can be decided, when a file or the rules themselves are broken; then all is denied. */
  problem?: string;
};

export type Policies = { at(place: { path: string; commit: string }): Promise<PolicyInForce> };

export type PoliciesDeps = {
  index: Pick<IndexService, "readFile">;
  files?: PolicyFiles | undefined;
  /** Mode the server runs in. */
  runMode?: RunMode | undefined;
  /** The rules; the shipped ones unless a test brings others. */
  load?: (() => Promise<PolicyEngine>) | undefined;
};

type Source = { name: PolicyLayerName; file: string; text: string };

function unreadable(file: string, error: unknown): AgentError {
  const { code } = error as NodeJS.ErrnoException;
  return new AgentError("policy_denied", `${file}: the policy file cannot be read (${code ?? "unknown"})`, {
    details: { next: `ls -l ${file}` },
    cause: error,
  });
}

/** Undefined when there is none and need not be one. @throws AgentError policy_denied */
async function readLocal(file: string, mustExist: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!mustExist && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(file, error);
  }
}

async function readProject(
  index: PoliciesDeps["index"],
  { path: root, commit }: { path: string; commit: string },
): Promise<string | undefined> {
  try {
    const where = { tenantId: "local", root, commit, path: projectPolicyPath };
    return (await index.readFile({ ...where, maxBytes: policiesLimits.maxProjectBytes })).text;
  } catch (error) {
    if (error instanceof AgentError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Keeps the last few values by key. */
function createCache<T>(): { get(key: string, make: () => T): T; drop(key: string): void } {
  const values = new Map<string, T>();
  return {
    get(key, make) {
      const known = values.get(key);
      if (known !== undefined) return known;
      if (values.size >= policiesLimits.maxCached) values.clear();
      const value = make();
      values.set(key, value);
      return value;
    },
    drop: (key) => void values.delete(key),
  };
}

type Parsed = { layers: readonly PolicyLayer[] } | { problem: string };

function parseAll(sources: readonly Source[]): Parsed {
  const layers: PolicyLayer[] = [];
  for (const { name, file, text } of sources) {
    const parsed = parsePolicyFile(text, { file, name });
    if ("problems" in parsed) return { problem: parsed.problems.map(({ message }) => message).join("; ") };
    layers.push(parsed.layer);
  }
  return { layers };
}

function inForce(engine: PolicyEngine, runMode: RunMode, parsed: Parsed): PolicyInForce {
  if ("layers" in parsed && engine.problem === undefined) return { engine, layers: parsed.layers, runMode };
  const problem = "problem" in parsed ? parsed.problem : (engine.problem ?? "");
  return { engine: unavailableEngine(problem), layers: [], runMode, problem };
}

export function createPolicies({
  index,
  files = { admin: [] },
  runMode = "consumer",
  load = shippedPolicy,
}: PoliciesDeps): Policies {
  const projects = createCache<Promise<string | undefined>>();
  const parsed = createCache<Parsed>();
  const project = (place: { path: string; commit: string }) => {
    const key = `${place.path}\0${place.commit}`;
    return projects.get(key, () => {
      const reading = readProject(index, place);
      reading.catch(() => projects.drop(key));
      return reading;
    });
  };
  const readSources = async (place: { path: string; commit: string }): Promise<Source[]> => {
    const source = (name: PolicyLayerName, file: string, text: string | undefined) =>
      text === undefined ? [] : [{ name, file, text }];
    const sources: Source[] = [];
    for (const { path, mustExist } of files.admin)
      sources.push(...source("admin", path, await readLocal(path, mustExist)));
    sources.push(...source("project", projectPolicyPath, await project(place)));
    if (files.user !== undefined) sources.push(...source("user", files.user, await readLocal(files.user, false)));
    return sources;
  };
  return {
    async at(place) {
      const engine = await load();
      try {
        const sources = await readSources(place);
        const files = parsed.get(JSON.stringify(sources), () => parseAll(sources));
        return inForce(engine, runMode, files);
      } catch (error) {
        return inForce(engine, runMode, { problem: AgentError.from(error).message });
      }
    },
  };
}

/** The error of a policy that cannot decide, for whoever has to be told before anything runs. */
export function policyUnavailable(problem: string): AgentError {
  return new AgentError("policy_denied", `The policy cannot decide (policy_unavailable): ${problem}.`, {
    details: { next: "mend the policy file, then `ossaat policy check`; nothing is allowed until then" },
  });
}
