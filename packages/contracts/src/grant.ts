// The digest that binds an execution to what was decided: recomputed by the executor.
import { hashJson } from "./hash.ts";
import type { Sha256 } from "./ids.ts";
import type { GrantInput } from "./workspace.ts";

/** SHA-256 over tool, arguments, workspace, envelope, policy hash and, when there is one, expiry. */
export function hashGrant(input: GrantInput): Sha256 {
  const { tool, inputJson, workspaceId, envelope, approvedOutside, policyHash } = input;
  const expiry = input.grantExpiresAt === undefined ? {} : { grantExpiresAt: input.grantExpiresAt };
  return hashJson({ tool, inputJson, workspaceId, envelope, approvedOutside, policyHash, ...expiry });
}
