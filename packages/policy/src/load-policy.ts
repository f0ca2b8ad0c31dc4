// Reads compiled rules from a folder and holds them against their manifest.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { AgentError, sha256Hex } from "@ossaat/contracts";

import { PolicyManifest, createPolicyEngine, policyEntrypoint, unavailableEngine } from "./policy-engine.ts";
import type { PolicyEngine } from "./policy-engine.ts";

/** Where the rules lie that this version ships. */
export const shippedPolicyFolder = fileURLToPath(new URL("../wasm", import.meta.url));

function unavailable(message: string, cause?: unknown): AgentError {
  return new AgentError("unavailable", message, { details: { next: "make policy-build" }, cause });
}

async function readManifest(file: string): Promise<PolicyManifest> {
  try {
    return PolicyManifest.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    throw unavailable("The manifest of the compiled rules is missing or not valid.", error);
  }
}

async function readWasm(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unavailable("The compiled rules are missing.", error);
  }
}

/** @throws AgentError unavailable when wasm or manifest are missing, differ, or cannot be loaded */
export async function loadPolicy(folder: string): Promise<PolicyEngine> {
  const manifest = await readManifest(path.join(folder, "manifest.json"));
  const wasm = await readWasm(path.join(folder, "policy.wasm"));
  if (sha256Hex(wasm) !== manifest.wasmSha256) throw unavailable("The compiled rules are not those of their manifest.");
  if (!manifest.entrypoints.includes(policyEntrypoint)) throw unavailable("The compiled rules decide about no calls.");
  return createPolicyEngine(wasm);
}

let shipped: Promise<PolicyEngine> | undefined;

/** The rules of this version, loaded at the first call; ones that cannot be loaded decide nothing. */
export function shippedPolicy(): Promise<PolicyEngine> {
  shipped ??= loadPolicy(shippedPolicyFolder).catch((error: unknown) =>
    unavailableEngine(AgentError.from(error).message),
  );
  return shipped;
}
