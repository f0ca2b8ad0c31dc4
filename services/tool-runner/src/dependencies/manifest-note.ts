// Tells an agent, once, when what is installed in the checkout cannot fit the working tree.
import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";

import { sha256Hex } from "@ossaat/contracts";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import type { WorkspaceFiles } from "../files/workspace-files.ts";
import { writeFileAtomic } from "../workspace/write-file-atomic.ts";
import type { OpenWorkspace } from "../workspace/workspace-record.ts";
import { projectOf, ruleOf } from "./dependency-folder.ts";
import { dependencyLimits } from "./limits.ts";
import { kindOrMissing, listOrNone, textOrEmpty } from "./real-folder.ts";

const sections = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

function readText(files: WorkspaceFiles, path: string): Promise<string> {
  return textOrEmpty(files, path, dependencyLimits.maxManifestBytes);
}

/** What a package.json says of dependencies, as text to compare; undefined when it is not one. */
function dependencyPart(text: string): string | undefined {
  try {
    const data = JSON.parse(text) as Record<string, unknown>;
    const part = sections.map((name) => Object.entries(data[name] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
    return part.every((entries) => entries.length === 0) ? "" : JSON.stringify(part);
  } catch {
    // Half-written JSON is the tests' to report.
    return undefined;
  }
}

function differs(path: string, mine: string, theirs: string): boolean {
  if (posix.basename(path) !== "package.json") return mine !== theirs;
  return dependencyPart(mine) !== dependencyPart(theirs);
}

/** Manifests beside installed dependencies that say something else than the checkout's. */
async function changedManifests(workspace: OpenWorkspace, tree: WorkspaceFiles): Promise<string[]> {
  const { dependencies } = workspace;
  if (dependencies === undefined) return [];
  const checkout = openWorkspaceFiles(dependencies.root);
  const changed = new Set<string>();
  for (const folder of dependencies.folders.slice(0, dependencyLimits.maxCompared)) {
    const project = projectOf(folder);
    for (const { name, kind } of await listOrNone(tree, project)) {
      if (kind !== "file" || ruleOf(folder)?.beside.test(name) !== true) continue;
      const path = posix.join(project, name);
      if (differs(path, await readText(tree, path), await readText(checkout, path))) changed.add(path);
    }
  }
  return [...changed];
}

/** Whether the project needs packages and has none: neither the checkout's nor committed ones. */
async function lacksPackages(tree: WorkspaceFiles): Promise<boolean> {
  const needed = dependencyPart(await readText(tree, "package.json"));
  if (needed === undefined || needed === "") return false;
  const kinds = await Promise.all(["node_modules", ".pnp.cjs"].map((path) => kindOrMissing(tree, path)));
  return kinds.every((kind) => kind === "missing");
}

async function describe(workspace: OpenWorkspace, tree: WorkspaceFiles): Promise<string[]> {
  const { dependencies } = workspace;
  const notes: string[] = [];
  const changed = await changedManifests(workspace, tree);
  if (changed.length > 0) {
    notes.push(
      `${changed.join(", ")} ${changed.length === 1 ? "differs" : "differ"} from the user's checkout; installed dependencies are those of the checkout, and nothing can be installed without a network`,
    );
  }
  if (await lacksPackages(tree)) {
    notes.push("the user's checkout has no node_modules; packages have to be installed there, then this step can run");
  }
  const omitted = dependencies?.omitted ?? 0;
  if (omitted > 0) notes.push(`${omitted} more folders of installed dependencies are not shown here`);
  return notes;
}

/** Lines for the model, empty when there is nothing new to say about this workspace. */
export async function dependencyNote(workspace: OpenWorkspace): Promise<string> {
  const notes = await describe(workspace, openWorkspaceFiles(workspace.dir));
  const said = join(workspace.metaDir, "dependency-note");
  const hash = sha256Hex(notes.join("\n"));
  const before = await readFile(said, "utf8").catch(() => sha256Hex(""));
  if (before === hash) return "";
  await writeFileAtomic(said, hash);
  return notes.map((note) => `\n[${note}]`).join("");
}
