// Folders below the root that are projects of their own: those with a build file, the shallowest first.
import { posix } from "node:path";

/** What says that a folder is built and tested by itself. */
const manifests = new Set([
  "package.json",
  "pyproject.toml",
  "setup.py",
  "pytest.ini",
  "go.mod",
  "Cargo.toml",
  "pom.xml",
  "build.gradle",
  "build.gradle.kts",
]);

/** Folders deep that a project is looked for: deeper ones are fixtures more often than projects. */
const maxDepth = 3;
/** Folders that are tried: each costs the reading of its build file. */
const maxFolders = 20;
/** Folders whose build files are examples of projects or copies of others. */
const notProjects =
  /(?:^|\/)(?:node_modules|vendor|third_party|fixtures?|testdata|examples?|samples?|templates?|\.[^/]+)(?:\/|$)/u;

export function projectFolders(paths: readonly string[]): string[] {
  const folders = paths.filter((path) => manifests.has(posix.basename(path))).map((path) => posix.dirname(path));
  const depth = (folder: string) => folder.split("/").length;
  return [...new Set(folders)]
    .filter((folder) => folder !== "." && depth(folder) <= maxDepth && !notProjects.test(folder))
    .toSorted((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1))
    .slice(0, maxFolders);
}
