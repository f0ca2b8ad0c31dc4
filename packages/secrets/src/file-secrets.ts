// Secrets from a file of the user's, which nobody else may read. It is read for each question, so
// that a changed secret holds at once and none stays in memory.
import { open } from "node:fs/promises";

import { AgentError, describeProblems, schemaProblems } from "@ossaat/contracts";
import type { SecretSource } from "@ossaat/contracts";

import { SecretFile, bindSecret } from "./secret-file.ts";

/** Bytes of the file; it holds names and keys, no documents. */
const maxFileBytes = 256 * 1024;

export type FileSecretsOptions = {
  file: string;
  /** Reads a variable of the environment that an entry names. */
  variable: (name: string) => string | undefined;
};

/** A file that can be read and is wrong. */
const mended = "mend the file, then `ossaat retry`";

function broken(message: string, next: string): AgentError {
  return new AgentError("unavailable", `The secrets file ${message}.`, { details: { next } });
}

async function readOwnFile(file: string): Promise<string | undefined> {
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw broken(`cannot be read (${error.code})`, `chmod 600 ${file}`);
  });
  if (handle === undefined) return undefined;
  try {
    const { mode, uid, size } = await handle.stat();
    if ((mode & 0o077) !== 0 || uid !== process.getuid?.()) {
      throw broken("is open to others: it must be yours alone", `chmod 600 ${file}`);
    }
    if (size > maxFileBytes) throw broken(`is larger than ${maxFileBytes} bytes`, `wc -c ${file}`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function parse(text: string): SecretFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Without the parser's words: they quote what stands in the file.
    throw broken("is not valid JSON", mended);
  }
  const parsed = SecretFile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw broken(`is not valid: ${describeProblems(schemaProblems(parsed.error))}`, mended);
}

/** Makes the source. A missing file is one without secrets. */
export function createFileSecrets({ file, variable }: FileSecretsOptions): SecretSource {
  return {
    async find(name) {
      const text = await readOwnFile(file);
      return text === undefined ? undefined : bindSecret(parse(text), name, variable);
    },
  };
}
