// The key of the internal tokens as a setting: gateway and orchestrator hold the same.
import { AgentError } from "@ossaat/contracts";

export type InternalKeySetting = {
  text?: string | undefined;
  /** File that holds the text. */
  file?: string | undefined;
  read: (path: string) => string;
};

const next = "openssl rand -hex 32";

/** 32 bytes from 64 hex digits, given as text or by a file. @throws AgentError invalid_input; the key is not repeated */
export function readInternalKey({ text, file, read }: InternalKeySetting): Uint8Array {
  if ((text === undefined) === (file === undefined)) {
    const message = "Set one of OSSAAT_INTERNAL_KEY and OSSAAT_INTERNAL_KEY_FILE.";
    throw new AgentError("invalid_input", message, { details: { next } });
  }
  let hex = text ?? "";
  try {
    if (file !== undefined) hex = read(file).trim();
  } catch (cause) {
    throw new AgentError("invalid_input", `The key file ${file} cannot be read.`, { cause });
  }
  if (/^[\da-f]{64}$/iu.test(hex)) return Buffer.from(hex, "hex");
  throw new AgentError("invalid_input", "The internal key must have 64 hex digits.", { details: { next } });
}
