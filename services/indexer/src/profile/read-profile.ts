// How a project is built and tested, from its own manifests. Nothing is executed.
import type { ProjectProfile } from "@ossaat/contracts";

import { readBlobs } from "../git/read-blobs.ts";
import type { TreeEntry } from "../git/list-tree.ts";
import { classifyPath } from "../tree/classify-path.ts";
import { languageOf } from "../tree/languages.ts";
import { packageJsonReader } from "./javascript.ts";
import type { FoundCommand, ManifestFacts, ManifestInput, ManifestReader } from "./manifest.ts";
import { otherReaders } from "./other-manifests.ts";
import { pythonReader } from "./python.ts";

const readers: readonly ManifestReader[] = [packageJsonReader, pythonReader, ...otherReaders];
const guidanceNames = ["AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md", ".github/copilot-instructions.md"];
const furtherGuidance = [".github/CONTRIBUTING.md", "docs/CONTRIBUTING.md", "CONTRIBUTING.rst", "CONTRIBUTING"];
/** Folders deep that manifests are looked for when the top level has none. */
const maxDepth = 3;
const maxManifests = 40;
const maxManifestBytes = 512 * 1024;
const maxCommands = 12;

type Found = { entry: TreeEntry; reader: ManifestReader; folder: string };

function findManifests(entries: readonly TreeEntry[]): Found[] {
  const found: Found[] = [];
  for (const entry of entries) {
    const slash = entry.path.lastIndexOf("/");
    const folder = slash < 0 ? "" : entry.path.slice(0, slash);
    const depth = folder === "" ? 0 : folder.split("/").length;
    if (depth > maxDepth || entry.bytes > maxManifestBytes) continue;
    if (!["source", "config"].includes(classifyPath(entry.path))) continue;
    const reader = readers.find((candidate) => candidate.matches(entry.path.slice(slash + 1)));
    if (reader !== undefined) found.push({ entry, reader, folder });
  }
  return found
    .sort(
      (left, right) => depthOf(left) - depthOf(right) || readers.indexOf(left.reader) - readers.indexOf(right.reader),
    )
    .slice(0, maxManifests);
}

function depthOf({ folder }: Found): number {
  return folder === "" ? 0 : folder.split("/").length;
}

/** At the top level all count; deeper ones only for an ecosystem that has none above. */
function relevant(found: readonly Found[]): Found[] {
  return found.filter(
    (manifest) =>
      !found.some((other) => other.reader === manifest.reader && depthOf(other) < depthOf(manifest)) ||
      depthOf(manifest) === 0,
  );
}

function languagesOf(entries: readonly TreeEntry[]): ProjectProfile["languages"] {
  const counts = new Map<string, number>();
  for (const { path, kind } of entries) {
    const language = kind === "file" ? languageOf(path) : undefined;
    if (language !== undefined) counts.set(language.name, (counts.get(language.name) ?? 0) + 1);
  }
  const isCode = (name: string) =>
    entries.some(({ path }) => languageOf(path)?.name === name && languageOf(path)?.isCode);
  const code = new Set([...counts.keys()].filter(isCode));
  return [...counts]
    .map(([name, files]) => ({ name, files }))
    .sort(
      (left, right) =>
        Number(code.has(right.name)) - Number(code.has(left.name)) ||
        right.files - left.files ||
        (left.name < right.name ? -1 : 1),
    );
}

function uniqueCommands(commands: readonly FoundCommand[]): FoundCommand[] {
  const first = new Map<string, FoundCommand>();
  for (const command of commands) {
    const key = command.argv.join("\0");
    if (!first.has(key)) first.set(key, command);
  }
  return [...first.values()].slice(0, maxCommands);
}

async function readFacts(root: string, entries: readonly TreeEntry[]): Promise<ManifestFacts[]> {
  const files = entries.filter(({ kind, isNameText }) => kind === "file" && isNameText);
  const known = new Set(files.map(({ path }) => path));
  const paths = files.map(({ path }) => path);
  const manifests = relevant(findManifests(files));
  const texts = new Map<string, string>();
  await readBlobs(root, [...new Set(manifests.map(({ entry }) => entry.blob))], (blob, data) => {
    texts.set(blob, data.toString("utf8"));
  });
  return manifests.map(({ entry, reader, folder }) => {
    const text = texts.get(entry.blob) ?? "";
    const input: ManifestInput = { path: entry.path, folder, text, has: (path) => known.has(path), paths };
    return reader.read(input);
  });
}

/** The profile of a commit's tree. @throws AgentError tool_failed */
export async function readProfile(root: string, entries: readonly TreeEntry[]): Promise<ProjectProfile> {
  const facts = await readFacts(root, entries);
  const present = new Set(entries.filter(({ kind }) => kind === "file").map(({ path }) => path));
  const topLevel = new Set(
    entries
      .filter(({ isNameText }) => isNameText)
      .map(({ path }) => (path.includes("/") ? `${path.split("/", 1)[0]}/` : path)),
  );
  return {
    languages: languagesOf(entries),
    packageManagers: [...new Set(facts.flatMap(({ managers }) => managers))],
    testCommands: uniqueCommands(facts.flatMap(({ tests }) => tests)),
    buildCommands: uniqueCommands(facts.flatMap(({ builds }) => builds)),
    guidanceFiles: [...guidanceNames, ...furtherGuidance].filter((path) => present.has(path)),
    fileCount: entries.filter(({ kind }) => kind === "file").length,
    topLevel: [...topLevel].sort(),
  };
}
