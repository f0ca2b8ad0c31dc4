// Artifacts as files named by their hash, written to a temporary name, synced and renamed.
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";

import { artifactRef } from "../artifacts.ts";
import type { Artifacts } from "../artifacts.ts";

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function writeDurably(file: string, text: string, temporary: string): Promise<void> {
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncFolder(path.dirname(file));
}

/** A new name survives a power loss only when its folder was synced too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function createFileArtifacts(folder: string): Artifacts {
  const fileOf = (ref: string) => path.join(folder, ref.slice(0, 2), ref);
  let counter = 0;
  return {
    async put(text) {
      const ref = artifactRef(text);
      const file = fileOf(ref);
      if (!(await exists(file))) {
        await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
        counter += 1;
        await writeDurably(file, text, `${file}.${process.pid}.${counter}.tmp`);
      }
      return { ref, bytes: Buffer.byteLength(text) };
    },
    async get(ref) {
      if (!/^[0-9a-f]{64}$/.test(ref)) throw new AgentError("invalid_input", "An artifact is named by its SHA-256.");
      const text = await readFile(fileOf(ref), "utf8").catch((error: unknown) => {
        throw new AgentError("not_found", `There is no artifact ${ref}.`, {
          details: { next: "ossaat doctor" },
          cause: error,
        });
      });
      if (artifactRef(text) !== ref) throw new AgentError("internal", `The artifact ${ref} is damaged.`);
      return text;
    },
  };
}
