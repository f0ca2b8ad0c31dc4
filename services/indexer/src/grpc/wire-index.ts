// Index answers between the contract's types and the wire's.
import { AgentError } from "@ossaat/contracts";
import type { IndexedSymbol, ProjectProfile, RepositoryRef, SearchHit, SymbolKind } from "@ossaat/contracts";
import type {
  IndexedSymbol as WireSymbol,
  ProjectProfile as WireProfile,
  RepositoryRef as WireRef,
  SearchHit as WireHit,
} from "@ossaat/contracts/proto/indexer";

/** @throws AgentError invalid_input when the request names no repository */
export function fromWireRef(wire: WireRef | undefined): RepositoryRef {
  if (wire === undefined) throw new AgentError("invalid_input", "The request names no repository.");
  return { tenantId: wire.tenantId, root: wire.root, commit: wire.commit };
}

export function toWireRef({ tenantId, root, commit }: RepositoryRef): WireRef {
  return { tenantId, root, commit };
}

export function toWireHit({ startLine, endLine, ...hit }: SearchHit): WireHit {
  return { symbol: undefined, ...hit, range: { startLine, endLine } };
}

export function fromWireHit({ path, range, score, snippet, symbol, signals }: WireHit): SearchHit {
  const { startLine = 1, endLine = 1 } = range ?? {};
  return { path, startLine, endLine, score, snippet, ...(symbol === undefined ? {} : { symbol }), signals };
}

const kinds: readonly SymbolKind[] = ["function", "class", "method", "type", "constant", "variable", "module"];

export function fromWireSymbol({ name, kind, path, line, signature }: WireSymbol): IndexedSymbol {
  return { name, kind: kinds.find((known) => known === kind) ?? "variable", path, line, signature };
}

export function fromWireProfile(wire: WireProfile): ProjectProfile {
  const commands = (list: WireProfile["testCommands"]) => list.map(({ argv, source }) => ({ argv, source }));
  const { packageManagers, guidanceFiles, fileCount, topLevel } = wire;
  return {
    languages: wire.languages.map(({ name, files }) => ({ name, files })),
    packageManagers,
    testCommands: commands(wire.testCommands),
    buildCommands: commands(wire.buildCommands),
    guidanceFiles,
    fileCount,
    topLevel,
  };
}
