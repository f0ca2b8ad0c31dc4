// The file that tells clients where the embedded server is: owner-only, because it holds the
// token.
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";

import { z } from "zod";

const ServerFile = z.looseObject({
  schemaVersion: z.literal(1),
  url: z.string(),
  token: z.string(),
  pid: z.int(),
  version: z.string(),
  startedAt: z.string(),
  /** See `settingProofs`: whether keys and addresses are still those of a caller. */
  settingProofs: z.record(z.string(), z.string()),
});
export type ServerFile = z.infer<typeof ServerFile>;

function serverFilePath(stateDir: string): string {
  return path.join(stateDir, "server.json");
}

/** Undefined when there is none or it cannot be read as one. */
export async function readServerFile(stateDir: string): Promise<ServerFile | undefined> {
  const text = await readFile(serverFilePath(stateDir), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return ServerFile.parse(JSON.parse(text));
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
