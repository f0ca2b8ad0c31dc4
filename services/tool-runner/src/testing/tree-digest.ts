// Every file below a folder with its bytes, mode and kind: what "nothing was touched" is compared by.
import { lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import { sha256Hex } from "@ossaat/contracts";

/** Path → mode and content hash, for everything below `root` that `isWanted` takes. */
export function treeDigest(root: string, isWanted: (path: string) => boolean = () => true): Record<string, string> {
  const found: Record<string, string> = {};
  for (const path of readdirSync(root, { recursive: true }) as string[]) {
    if (!isWanted(path)) continue;
    const stats = lstatSync(join(root, path));
    const mode = (stats.mode & 0o777).toString(8);
    if (stats.isSymbolicLink()) found[path] = `link ${readlinkSync(join(root, path))}`;
    else if (stats.isFile()) found[path] = `${mode} ${sha256Hex(readFileSync(join(root, path)))}`;
    else found[path] = `folder ${mode}`;
  }
  return found;
}
