// Which repositories' ossaat.yaml a person trusts: by path and content, so that a changed file
// is inert again until it was looked at.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

import { sha256Hex } from "@ossaat/contracts";

export type TrustList = Readonly<Record<string, string>>;

/** Nothing is trusted when the list is missing or cannot be read. */
function readTrust(file: string): TrustList {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as { schemaVersion?: unknown; files?: TrustList };
    return value.schemaVersion === 1 && typeof value.files === "object" ? value.files : {};
  } catch {
    return {};
  }
}

export function isTrusted(trustFile: string, { path: file, text }: { path: string; text: string }): boolean {
  return readTrust(trustFile)[file] === sha256Hex(text);
}

/** Trusts the file as it is now, or no longer with `text` undefined. */
export function setTrust(trustFile: string, { path: file, text }: { path: string; text: string | undefined }): void {
  const { [file]: _old, ...others } = readTrust(trustFile);
  const files = text === undefined ? others : { ...others, [file]: sha256Hex(text) };
  mkdirSync(path.dirname(trustFile), { recursive: true });
  const temporary = `${trustFile}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify({ schemaVersion: 1, files }, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, trustFile);
}
