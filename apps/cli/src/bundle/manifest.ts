// What a bundle of the CLI was made of. A source that changed in any way, even back and forth, has
// another change time, which no program can set: then the bundle must not run.
import { readFileSync, statSync } from "node:fs";

/** Name of the CLI's manifest in the folder of the bundle. */
export const manifestName = "manifest.json";

/** Name of the server's: a command need not look at what only the server is made of. */
export const serverManifestName = "server-manifest.json";

/** What each other part calls before anything of it runs, by the global symbol of this name, where it is set. */
export const otherPartsHook = "ossaat.otherParts";

export type BundleManifest = {
  schemaVersion: 1;
  /** Absolute real path of the clone the bundle was made in: it names sources by it. */
  root: string;
  /** By path below the root: how the file was when it was read. */
  files: Record<string, string>;
  /** Of those, the ones that `--version` is made of. */
  versionFiles: string[];
  /** Of those, the ones of the parts that every command loads first; empty = there is one part alone. */
  firstFiles: string[];
};

/** Everything that changes with a file's content; undefined when there is no such file. */
export function stampOf(file: string): string | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
}

/** Undefined when there is none or it cannot be read as one. */
export function readManifest(folder: string, name = manifestName): BundleManifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as BundleManifest;
    return manifest.schemaVersion === 1 ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Whether each of the files is still the one that was read. */
export function isCurrent({ root, files }: BundleManifest, names: readonly string[]): boolean {
  return names.every((name) => stampOf(`${root}/${name}`) === files[name]);
}
