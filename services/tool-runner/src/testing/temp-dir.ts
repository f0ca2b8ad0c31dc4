// Folders that live as long as one test file or one test.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type TempDir = { path: string; at(...parts: string[]): string; remove(): void };

/** A new empty folder, by its real path. The caller removes it. */
export function makeTempDir(): TempDir {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "ossaat-runner-")));
  return {
    path,
    at: (...parts) => join(path, ...parts),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
