// Where a test run takes its programs from: the user's own installation, shown read-only, so that
// what reports a test as passed is not a file that the agent could write.
import { posix } from "node:path";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { OpenWorkspace } from "../workspace/workspace-record.ts";
import { buildFarms } from "./link-farm.ts";
import { isRealFolder } from "./real-folder.ts";

/** Gives the place of a dependency folder: the read-only one where there is one, its own name elsewhere. */
export type ProgramPlace = (folder: string) => string;

/** Mends every farm, so that imports lead to the user's installation again, and says where programs are. */
export async function prepareTestPrograms(
  sandbox: Pick<Sandbox, "dependencyRoot">,
  workspace: OpenWorkspace,
): Promise<ProgramPlace> {
  const { dependencyRoot: shownAt } = sandbox;
  const { dependencies, dir } = workspace;
  if (shownAt === undefined || dependencies === undefined) return (folder) => folder;
  await buildFarms(dependencies, { tree: dir, shownAt }, "all");
  const checkout = openWorkspaceFiles(dependencies.root);
  const shown = new Set<string>();
  for (const folder of dependencies.folders) if (await isRealFolder(checkout, folder)) shown.add(folder);
  return (folder) => (shown.has(folder) ? posix.join(shownAt, folder) : folder);
}
