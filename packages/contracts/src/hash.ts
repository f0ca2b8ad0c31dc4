// Hashes over canonical JSON (RFC 8785), the same in Node and in a browser.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import canonicalize from "canonicalize";

import { AgentError } from "./agent-error.ts";
import type { Sha256 } from "./ids.ts";

/** SHA-256 of a text's UTF-8 bytes or of raw bytes, lower-case hex. */
export function sha256Hex(data: string | Uint8Array): Sha256 {
  return bytesToHex(sha256(typeof data === "string" ? utf8ToBytes(data) : data));
}

function canonicalText(value: unknown): string | undefined {
  try {
    return canonicalize(value);
  } catch (error) {
    throw new AgentError("invalid_input", "The value cannot be written as canonical JSON.", { cause: error });
  }
}

/**
 * Canonical JSON text per RFC 8785.
 * @throws AgentError invalid_input for values it cannot hold: NaN, half of a surrogate pair, no value.
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalText(value);
  if (text === undefined) throw new AgentError("invalid_input", "The value cannot be written as JSON.");
  return text;
}

/** SHA-256 over {@link canonicalJson}. */
export function hashJson(value: unknown): Sha256 {
  return sha256Hex(canonicalJson(value));
}
