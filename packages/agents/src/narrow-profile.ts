// A profile that comes with a repository may say how an agent works there, but never widen what
// the agent may do: whoever can push a file must not be able to grant rights.
import type { AgentCapability, AgentProfile, ApprovalRule } from "@ossaat/contracts";

/** What a repository's own agent may have when no trusted profile has its name. */
export const defaultCapabilities: readonly AgentCapability[] = ["repo.read", "repo.write", "test.run"];

const strictness: Readonly<Record<ApprovalRule, number>> = { auto: 0, human_approval: 1, deny: 2 };

function strictest(base: ApprovalRule | undefined, asked: ApprovalRule | undefined): ApprovalRule | undefined {
  if (asked === undefined) return base;
  // Without a trusted word the policy decides; a repository may tighten that, not loosen it.
  if (base === undefined) return asked === "auto" ? undefined : asked;
  return strictness[asked] > strictness[base] ? asked : base;
}

/** The repository's profile inside the bounds of the trusted one; and what it asked for in vain. */
export function narrowProfile(
  asked: AgentProfile,
  base: AgentProfile | undefined,
): { profile: AgentProfile; refused: AgentCapability[] } {
  const allowed = base?.capabilities ?? defaultCapabilities;
  const rules = { ...base?.approval_policy, ...asked.approval_policy };
  const approvalPolicy = Object.keys(rules).flatMap((key) => {
    const capability = key as AgentCapability;
    const rule = strictest(base?.approval_policy[capability], asked.approval_policy[capability]);
    return rule === undefined ? [] : [[capability, rule] as const];
  });
  return {
    profile: {
      ...asked,
      capabilities: asked.capabilities.filter((capability) => allowed.includes(capability)),
      approval_policy: Object.fromEntries(approvalPolicy),
      constraints: [...new Set([...(base?.constraints ?? []), ...asked.constraints])],
    },
    refused: asked.capabilities.filter((capability) => !allowed.includes(capability)),
  };
}
