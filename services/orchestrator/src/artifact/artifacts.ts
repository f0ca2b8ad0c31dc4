// PORT: content-addressed storage of texts too large for a row. Promises: `put` is durable
// when it resolves and idempotent; `get` verifies the hash.
import { sha256Hex } from "@ossaat/contracts";
import type { Sha256, Stored } from "@ossaat/contracts";

export type Artifacts = {
  put(text: string): Promise<{ ref: Sha256; bytes: number }>;
  /** @throws AgentError not_found */
  get(ref: string): Promise<string>;
};

/** Bytes of JSON up to which a value stays inside its event. */
export const maxInlineBytes = 32 * 1024;

/** Keeps a value inline when small, else by reference. */
export async function store(artifacts: Artifacts, value: unknown): Promise<Stored> {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) <= maxInlineBytes) return { value };
  return artifacts.put(text);
}

/** The value of a {@link store} result. */
export async function load(artifacts: Artifacts, stored: Stored): Promise<unknown> {
  if ("ref" in stored && typeof stored.ref === "string") return JSON.parse(await artifacts.get(stored.ref)) as unknown;
  return (stored as { value: unknown }).value;
}

/** Name of an artifact: SHA-256 of its UTF-8 text. */
export function artifactRef(text: string): Sha256 {
  return sha256Hex(text);
}
