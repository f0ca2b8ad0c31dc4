// Working trees between the contract's types and the wire's.
import { AgentError } from "@ossaat/contracts";
import type { CommitInfo, DiffFile, MergeResult, RepositoryInfo } from "@ossaat/contracts";
import type {
  CommitPart,
  DiffFile as WireDiffFile,
  MergeResult as WireMergeResult,
  RepositoryInfo as WireRepositoryInfo,
} from "@ossaat/contracts/proto/workspace";

/** Leaves out what is undefined: absent on the wire, absent in the contract. */
type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

export function present<T extends object>(value: T): Partial<Present<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<Present<T>>;
}

const statuses = ["added", "modified", "deleted", "renamed"] as const;

function fromWireDiffFile(wire: WireDiffFile): DiffFile {
  const { path, additions, deletions, binary, patch, truncated, oldPath } = wire;
  const status = statuses.find((name) => name === wire.status) ?? "modified";
  return { path, status, ...present({ oldPath }), additions, deletions, binary, patch, truncated };
}

/** Collects a stream of files. */
export async function collectDiff(stream: AsyncIterable<WireDiffFile>): Promise<{ files: DiffFile[] }> {
  const files: DiffFile[] = [];
  for await (const file of stream) files.push(fromWireDiffFile(file));
  return { files };
}

export function* toCommitParts({ commit, tree, files }: CommitInfo): Generator<CommitPart> {
  yield { part: { $case: "head", value: { commit, tree } } };
  for (const file of files) yield { part: { $case: "file", value: { oldPath: undefined, ...file } } };
}

/** @throws AgentError tool_failed when the stream ends without its head */
export async function collectCommit(stream: AsyncIterable<CommitPart>): Promise<CommitInfo> {
  let head: { commit: string; tree: string } | undefined;
  const files: DiffFile[] = [];
  for await (const { part } of stream) {
    if (part?.$case === "head") head = { commit: part.value.commit, tree: part.value.tree };
    else if (part?.$case === "file") files.push(fromWireDiffFile(part.value));
  }
  if (head === undefined) throw unanswered();
  return { ...head, files };
}

export function toWireMerge(result: MergeResult): WireMergeResult {
  if (result.status === "merged") {
    return { outcome: { $case: "merged", value: { head: result.head, tree: result.tree } } };
  }
  const { files, applying, details } = result;
  return { outcome: { $case: "conflict", value: { files, applying, details } } };
}

/** @throws AgentError tool_failed for an answer without an outcome */
export function fromWireMerge({ outcome }: WireMergeResult): MergeResult {
  if (outcome?.$case === "merged") {
    return { status: "merged", head: outcome.value.head, tree: outcome.value.tree };
  }
  if (outcome === undefined) throw unanswered();
  const { files, applying, details } = outcome.value;
  return { status: "conflict", files, applying, details };
}

export function fromWireRepository({ root, branch, ...rest }: WireRepositoryInfo): RepositoryInfo {
  const { headCommit, baseCommit, dirtyPaths } = rest;
  return { root, ...present({ branch }), headCommit, baseCommit, dirtyPaths };
}

function unanswered(): AgentError {
  return new AgentError("tool_failed", "The tool runner sent half an answer.", { details: { retryable: true } });
}
