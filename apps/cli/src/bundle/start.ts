// What the launcher runs when there is a bundle: the bundled program while it is made of exactly the
// sources that are there now, else the sources themselves, which are always right.
import { writeSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { version } from "../version.ts";
import { isCurrent, otherPartsHook, readManifest } from "./manifest.ts";
import type { BundleManifest } from "./manifest.ts";

/** The bundle lies in `.tools/cli/<build>` of the clone. */
const folder = import.meta.dirname;
const root = path.resolve(folder, "../../..");
const sourceOfAll = path.join(root, "apps/cli/src/main.ts");

/** Commands that run parts of the server in this process, which the bundle would leave to the sources anyway. */
const serverWords: readonly string[] = ["up", "replay"];

/** True when the version was told: loading the program for it would take as long as Node itself. */
function tellVersion(manifest: BundleManifest, words: readonly string[]): boolean {
  if (words.length !== 1 || (words[0] !== "--version" && words[0] !== "-V")) return false;
  if (!isCurrent(manifest, manifest.versionFiles)) return false;
  try {
    writeSync(1, `${version}\n`);
    return true;
  } catch {
    // A reader that left or a pipe that is full: the program knows what to do.
    return false;
  }
}

/**
 * Looks at the other sources when the first of the other parts is loaded: a quick command needs none of
 * them. Nothing has happened or been said until then, so that the command can begin again.
 */
function checkOthersLater(manifest: BundleManifest): void {
  const hooks = globalThis as Partial<Record<symbol, () => void>>;
  const key = Symbol.for(otherPartsHook);
  hooks[key] = () => {
    delete hooks[key];
    if (isCurrent(manifest, Object.keys(manifest.files))) return;
    const args = [process.execPath, ...process.execArgv, sourceOfAll, ...process.argv.slice(2)];
    // NOTE: it does not return; a system without it has to be told.
    process.execve?.(process.execPath, args);
    throw new Error("The sources of ossaat changed; run `make setup`.");
  };
}

async function start(words: readonly string[]): Promise<void> {
  const manifest = readManifest(folder);
  // Sources are named by absolute paths: a clone that was moved has no bundle.
  if (manifest?.root === root) {
    if (tellVersion(manifest, words)) return;
    const isServer = words.some((word) => serverWords.includes(word));
    if (!isServer && isCurrent(manifest, manifest.firstFiles)) {
      checkOthersLater(manifest);
      const { runMain } = await import("../run-main.ts");
      return runMain();
    }
  }
  await import(pathToFileURL(sourceOfAll).href);
}

void start(process.argv.slice(2));
