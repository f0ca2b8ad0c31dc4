// Looking into a checkout or working tree where anything may be in the way: what cannot be reached
// through real folders alone, or may not be read, counts as absent.
import { AgentError } from "@ossaat/contracts";

import type { WorkspaceFiles } from "../files/workspace-files.ts";

type Kind = Awaited<ReturnType<WorkspaceFiles["kind"]>>;
type Entries = Awaited<ReturnType<WorkspaceFiles["list"]>>;

function orElse<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof AgentError) return value;
    throw error;
  };
}

export function kindOrMissing(files: WorkspaceFiles, path: string): Promise<Kind> {
  return files.kind(path).catch(orElse<Kind>("missing"));
}

export async function isRealFolder(files: WorkspaceFiles, path: string): Promise<boolean> {
  return (await kindOrMissing(files, path)) === "folder";
}

export function listOrNone(files: WorkspaceFiles, path: string): Promise<Entries> {
  return files.list(path).catch(orElse<Entries>([]));
}

/** Text of a file of at most `maxBytes`; empty where there is none. */
export function textOrEmpty(files: WorkspaceFiles, path: string, maxBytes: number): Promise<string> {
  return files.read(path, maxBytes).then(({ data }) => data.toString("utf8"), orElse(""));
}
