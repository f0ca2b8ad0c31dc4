// File tools and installed dependencies: the host reads and writes no such file. Reading would
// have to follow the farm's links, writing would make a change that no commit holds.
import { AgentError } from "@ossaat/contracts";

import { canonicalPath } from "../files/workspace-files.ts";
import type { WorkspaceFiles } from "../files/workspace-files.ts";
import { dependencyFolderOf } from "./dependency-folder.ts";
import type { Dependencies } from "./dependency-folder.ts";

/** The same files, but for installed dependencies, which are refused with a word on what to do. */
export function guardDependencies(files: WorkspaceFiles, dependencies: Dependencies | undefined): WorkspaceFiles {
  if (dependencies === undefined) return files;

  async function outside<T>(path: string, why: string, work: () => Promise<T>): Promise<T> {
    const folder = dependencyFolderOf(dependencies, canonicalPath(path));
    if (folder === undefined) return work();
    throw new AgentError("invalid_input", `${path} belongs to the installed dependencies in ${folder}; ${why}.`);
  }

  const toRead = "look at it with run_command, for example with cat";
  const toWrite = "they are not part of the change and stay as they are";
  return {
    ...files,
    read: (path, maxBytes) => outside(path, toRead, () => files.read(path, maxBytes)),
    readRange: (path, position, maxBytes) => outside(path, toRead, () => files.readRange(path, position, maxBytes)),
    write: (path, data, options) => outside(path, toWrite, () => files.write(path, data, options)),
    remove: (path) => outside(path, toWrite, () => files.remove(path)),
  };
}
