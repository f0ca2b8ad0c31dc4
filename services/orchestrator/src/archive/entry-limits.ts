// What an archive has room for: held to when it is written, so that whatever is exported can be imported.
import { AgentError, archiveNames } from "@ossaat/contracts";

import { archiveLimits } from "./limits.ts";

/** Largest size of an entry by its name, bytes. */
export function maxBytesOf(name: string): number {
  if (name === archiveNames.manifest) return archiveLimits.maxManifestBytes;
  if (name.startsWith("artifacts/")) return archiveLimits.maxArtifactBytes;
  if (name.startsWith("logs/")) return archiveLimits.maxLogBytes;
  return name === archiveNames.objects ? archiveLimits.maxObjectsBytes : archiveLimits.maxRowsBytes;
}

/** Bytes of one block of an archive; every entry has one for its name, and begins with a new one. */
const blockBytes = 512;
/** Bytes of the seal and of the end of an archive, and some to spare. */
const endBytes = 16 * 1024;

const mebibytes = (bytes: number) => `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;

function tooLarge(planId: string, what: string): AgentError {
  return new AgentError("limit_exceeded", `The plan does not fit into an archive: ${what}.`, {
    details: { next: `it stays where it is: \`ossaat show ${planId}\` and \`ossaat logs ${planId}\` read it there` },
  });
}

/** @throws AgentError limit_exceeded for what no import would take */
export function requireRoom(planId: string, entries: readonly { name: string; bytes: number }[]): void {
  // The manifest is an entry that it does not name.
  if (entries.length - 1 > archiveLimits.maxEntries) {
    throw tooLarge(planId, `it would have ${entries.length - 1} entries of at most ${archiveLimits.maxEntries}`);
  }
  let whole = endBytes;
  for (const { name, bytes } of entries) {
    const most = maxBytesOf(name);
    if (bytes > most) throw tooLarge(planId, `${name} has ${mebibytes(bytes)} of at most ${mebibytes(most)}`);
    whole += blockBytes + Math.ceil(bytes / blockBytes) * blockBytes;
  }
  if (whole > archiveLimits.maxArchiveBytes) {
    throw tooLarge(planId, `all of it has ${mebibytes(whole)} of at most ${mebibytes(archiveLimits.maxArchiveBytes)}`);
  }
}
