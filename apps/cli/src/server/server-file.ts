// The file that tells clients where the embedded server is: owner-only, because it holds the
// token.
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";

export type ServerFile = {
  schemaVersion: 1;
  url: string;
  token: string;
  pid: number;
  version: string;
  startedAt: string;
  /** See `settingProofs`: whether keys and addresses are still those of a caller. */
  settingProofs: Record<string, string>;
};

/** Checked by hand: every command reads this file, and loading a schema library takes longer than asking the server. */
function isServerFile(value: unknown): value is ServerFile {
  if (typeof value !== "object" || value === null) return false;
  const { schemaVersion, url, token, pid, version, startedAt, settingProofs } = value as Record<string, unknown>;
  const texts = [url, token, version, startedAt];
  return (
    schemaVersion === 1 &&
    texts.every((text) => typeof text === "string") &&
    Number.isSafeInteger(pid) &&
    typeof settingProofs === "object" &&
    settingProofs !== null &&
    Object.values(settingProofs).every((proof) => typeof proof === "string")
  );
}

function serverFilePath(stateDir: string): string {
  return path.join(stateDir, "server.json");
}

/** Undefined when there is none or it cannot be read as one. */
export async function readServerFile(stateDir: string): Promise<ServerFile | undefined> {
  const text = await readFile(serverFilePath(stateDir), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isServerFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export async function writeServerFile(stateDir: string, content: ServerFile): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const temporary = `${serverFilePath(stateDir)}.${content.pid}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, serverFilePath(stateDir));
}

/** Removes the file if it is this process's own. */
export async function removeServerFile(stateDir: string, pid: number): Promise<void> {
  const current = await readServerFile(stateDir);
  if (current?.pid === pid) await rm(serverFilePath(stateDir), { force: true });
}
