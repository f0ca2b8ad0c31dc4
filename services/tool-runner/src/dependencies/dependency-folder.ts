// What a folder of installed dependencies is, and which paths belong to one. Rules only, no I/O.
import { posix } from "node:path";

import { z } from "zod";

/** Installed dependencies of a user's checkout, as a working tree remembers them. */
export const Dependencies = z.looseObject({
  /** Top level of the checkout they are read from. */
  root: z.string(),
  /** Folders, relative to it and to the working tree alike. Never part of a snapshot. */
  folders: z.array(z.string()),
  /** Folders beyond the limit that were left out. */
  omitted: z.number().int().nonnegative().default(0),
});
export type Dependencies = z.infer<typeof Dependencies>;

type FolderRule = {
  name: string;
  /** File names beside which such a folder is looked for; the top level always is looked into. */
  beside: RegExp;
  /** A file that proves what the folder is. */
  proof?: string;
  /** Many projects keep sources in a folder of that name: it counts only when it is ignored. */
  onlyIgnored?: true;
  /** Settings that may hold a password for a package host; no box reads them. */
  hidden?: string;
};

const pythonFiles = /^(?:pyproject\.toml|setup\.(?:py|cfg)|Pipfile|requirements[^/]*\.txt)$/u;

/** In order of preference: a folder inside an earlier one is not looked for. */
export const folderRules: readonly FolderRule[] = [
  { name: "node_modules", beside: /^package\.json$/u },
  { name: ".venv", beside: pythonFiles, proof: "pyvenv.cfg", hidden: "pip.conf" },
  { name: "venv", beside: pythonFiles, proof: "pyvenv.cfg", hidden: "pip.conf" },
  { name: "vendor", beside: /^(?:go\.mod|composer\.json|Gemfile)$/u, onlyIgnored: true },
  { name: "vendor/bundle", beside: /^Gemfile$/u, onlyIgnored: true },
  { name: ".bundle", beside: /^Gemfile$/u, hidden: "config" },
];

/** The rule a folder was found by. */
export function ruleOf(folder: string): FolderRule | undefined {
  return folderRules.find(({ name }) => folder === name || folder.endsWith(`/${name}`));
}

/** Folder of the project that a dependency folder serves; `.` is the top level. */
export function projectOf(folder: string): string {
  const name = ruleOf(folder)?.name ?? posix.basename(folder);
  return folder.slice(0, -name.length - 1) || ".";
}

export function isWithin(path: string, folder: string): boolean {
  return folder === "." || path === folder || path.startsWith(`${folder}/`);
}

/** The dependency folder a path is or lies in. */
export function dependencyFolderOf(dependencies: Dependencies | undefined, path: string): string | undefined {
  return dependencies?.folders.find((folder) => isWithin(path, folder));
}

/** A path as a pattern of git's ignore rules that matches it alone, for the command line. */
export function excludeOption(folder: string): string {
  return `--exclude=/${folder.replace(/[\\*?[\] ]/gu, String.raw`\$&`)}`;
}
