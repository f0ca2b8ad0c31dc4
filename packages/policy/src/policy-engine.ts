// Evaluates the compiled rules. Loaded once, with a cap on memory and on the size of an input;
// whatever goes wrong is no decision, and the caller denies.
import { AgentError, PolicyResult, sha256Hex } from "@ossaat/contracts";
import type { PolicyInput, Sha256 } from "@ossaat/contracts";
import { loadPolicy } from "@open-policy-agent/opa-wasm";
import { z } from "zod";

import { policyLimits } from "./limits.ts";

export const policyEntrypoint = "orchestrator/capabilities/decision";

/** What `policy.wasm` was compiled from. */
export const PolicyManifest = z.strictObject({
  schemaVersion: z.literal(1),
  opaVersion: z.string(),
  entrypoints: z.array(z.string()).min(1),
  /** SHA-256 of every source, by its path from the repository root. */
  sources: z.record(z.string(), z.string()),
  /** SHA-256 over canonical JSON of the three fields above. */
  sourceSha256: z.string(),
  wasmSha256: z.string(),
});
export type PolicyManifest = z.infer<typeof PolicyManifest>;

export type Evaluation = { result: PolicyResult } | { problem: string };

export type PolicyEngine = {
  /** SHA-256 of the compiled rules. */
  hash: Sha256;
  /** Why it decides nothing; absent = it decides. */
  problem?: string;
  evaluate(input: PolicyInput): Evaluation;
};

/** Stands where rules could not be loaded: decides nothing. */
export function unavailableEngine(problem: string): PolicyEngine {
  return { hash: sha256Hex(problem), problem, evaluate: () => ({ problem }) };
}

/** The bytes in a buffer of their own: the library reads the whole buffer behind a view. */
const ownBuffer = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

function describe(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  const { message } = (thrown ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : String(thrown);
}

/** `allow` and `requires_approval` say no more than `deny` does, or the rules contradict themselves. */
function isConsistent({ allow, deny, requires_approval: asks }: PolicyResult): boolean {
  const onlyAsks = deny.length > 0 && deny.every(({ reason }) => reason === "approval_required");
  return allow === (deny.length === 0) && asks === onlyAsks;
}

/** Reads what an evaluation returned: exactly one decision of the known shape. */
export function readResult(results: unknown): Evaluation {
  const parsed = z.tuple([z.object({ result: PolicyResult })]).safeParse(results);
  if (!parsed.success) return { problem: "the rules gave no decision of the known shape" };
  const { result } = parsed.data[0];
  return isConsistent(result) ? { result } : { problem: "the rules contradict themselves" };
}

/**
 * Makes an engine of compiled rules.
 * @throws AgentError unavailable when they cannot be loaded
 */
export async function createPolicyEngine(
  wasm: Uint8Array,
  { maxPages = policyLimits.maxPages }: { maxPages?: number } = {},
): Promise<PolicyEngine> {
  try {
    const policy = await loadPolicy(ownBuffer(wasm), { initial: policyLimits.initialPages, maximum: maxPages });
    policy.setData({});
    return {
      hash: sha256Hex(wasm),
      evaluate(input) {
        const bytes = new TextEncoder().encode(JSON.stringify(input));
        if (bytes.byteLength > policyLimits.maxInputBytes) {
          return { problem: `the call is too large to be decided about (${bytes.byteLength} bytes)` };
        }
        try {
          return readResult(policy.evaluate(ownBuffer(bytes), policyEntrypoint));
        } catch (error) {
          return { problem: describe(error) };
        }
      },
    };
  } catch (error) {
    throw new AgentError("unavailable", `The compiled rules cannot be loaded: ${describe(error)}`, {
      details: { next: "make policy-build" },
      cause: error,
    });
  }
}
