// A manifest and what it says. One reader per ecosystem; each gets the texts it asked for.

export type FoundCommand = { argv: string[]; source: string };

/** Findings of one manifest. `managers` are package manager names. */
export type ManifestFacts = { managers: string[]; tests: FoundCommand[]; builds: FoundCommand[] };

export type ManifestInput = {
  /** Path of the manifest. */
  path: string;
  /** Its folder, "" for the top level. */
  folder: string;
  text: string;
  /** Whether a path exists at the commit. */
  has(path: string): boolean;
  /** Paths of all files, for questions like "is there a test file". */
  paths: readonly string[];
};

export type ManifestReader = { matches(name: string): boolean; read(input: ManifestInput): ManifestFacts };

/** Path of a sibling of the manifest. */
export function beside({ folder }: ManifestInput, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

export const noFacts: ManifestFacts = { managers: [], tests: [], builds: [] };
