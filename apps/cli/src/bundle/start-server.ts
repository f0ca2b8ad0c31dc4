// What starts an embedded server when there is a bundle of it: the bundle while it is made of exactly
// the sources that are there now, else the sources.
import path from "node:path";
import { pathToFileURL } from "node:url";

import { isCurrent, readManifest, serverManifestName } from "./manifest.ts";

/** The bundle lies in `.tools/cli/<build>` of the clone. */
const folder = import.meta.dirname;
const root = path.resolve(folder, "../../..");

async function start(): Promise<void> {
  const manifest = readManifest(folder, serverManifestName);
  if (manifest?.root === root && isCurrent(manifest, Object.keys(manifest.files))) await import("../server-main.ts");
  else await import(pathToFileURL(path.join(root, "apps/cli/src/server-main.ts")).href);
}

void start();
