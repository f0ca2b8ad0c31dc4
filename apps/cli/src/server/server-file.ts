// The file that tells clients where the embedded server is: owner-only, because it holds the
// token.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

export type ServerFile = {
  schemaVersion: 1;
  url: string;
  token: string;
  pid: number;
  /** When the process began, see `processStart`; absent where this cannot be known. */
  processStart?: string;
  version: string;
  startedAt: string;
  /** See `settingProofs`: whether keys and addresses are still those of a caller. */
  settingProofs: Record<string, string>;
};

/** Checked by hand: every command reads this file, and loading a schema library takes longer than asking the server. */
function isServerFile(value: unknown): value is ServerFile {
  if (typeof value !== "object" || value === null) return false;
  const { schemaVersion, url, token, pid, processStart, version, startedAt, settingProofs } = value as Record<
    string,
    unknown
  >;
  const texts = [url, token, version, startedAt];
  return (
    schemaVersion === 1 &&
    texts.every((text) => typeof text === "string") &&
    Number.isSafeInteger(pid) &&
    (processStart === undefined || typeof processStart === "string") &&
    typeof settingProofs === "object" &&
    settingProofs !== null &&
    Object.values(settingProofs).every((proof) => typeof proof === "string")
  );
}

function serverFilePath(stateDir: string): string {
  return path.join(stateDir, "server.json");
}

/** What the server in the background says. */
export function serverLogPath(stateDir: string): string {
  return path.join(stateDir, "server.log");
}

/** Undefined when there is none or it cannot be read as one. */
export function readServerFile(stateDir: string): ServerFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(serverFilePath(stateDir), "utf8"));
    return isServerFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function writeServerFile(stateDir: string, content: ServerFile): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const temporary = `${serverFilePath(stateDir)}.${content.pid}.tmp`;
  const handle = openSync(temporary, "w", 0o600);
  try {
    writeFileSync(handle, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, serverFilePath(stateDir));
}

/**
 * Whether clients find this process no more: the file was taken away, or names another server, which
 * began in a folder that was made anew. A file that cannot be read for a while says nothing.
 */
export function isServerFileLost(stateDir: string, pid: number): boolean {
  try {
    const value: unknown = JSON.parse(readFileSync(serverFilePath(stateDir), "utf8"));
    return isServerFile(value) && value.pid !== pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** Removes the file if it is this process's own. */
export function removeServerFile(stateDir: string, pid: number): void {
  if (readServerFile(stateDir)?.pid === pid) rmSync(serverFilePath(stateDir), { force: true });
}
