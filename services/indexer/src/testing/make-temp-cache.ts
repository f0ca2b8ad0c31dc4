// A cache folder for one test file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function makeTempCache(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "ossaat-index-cache-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
