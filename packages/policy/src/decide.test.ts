import { AgentCapability, Envelope, toolSpecs } from "@ossaat/contracts";
import type { ToolName } from "@ossaat/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { callSubject } from "./call-subject.ts";
import { checkEnvelope } from "./check-envelope.ts";
import { decide, hashCall, policyHash, visibleTools } from "./decide.ts";
import type { ApprovalGrant, PolicyInput, PolicyProfile } from "./decide.ts";

const profile: PolicyProfile = {
  name: "code-writer",
  capabilities: ["repo.read", "repo.write", "test.run"],
  approval_policy: {},
};
const envelope = Envelope.parse({ tools: ["read_file", "write_file", "run_command"], paths: ["src/**"] });
const approved = { planHash: "h", approvedPlanHash: "h", stepApprovalRequired: false, stepApproved: false };
const write = (path: string) => ({ tool: "write_file", input: { path, content: "x" } });

function input(change: Partial<PolicyInput> = {}): PolicyInput {
  const call = change.call ?? write("src/a.ts");
  return {
    profile,
    call,
    capability: toolSpecs[call.tool as ToolName].capability,
    envelopeCheck: checkEnvelope(envelope, call),
    reachesNetwork: false,
    approval: approved,
    grants: [],
    ...change,
  };
}

describe("decide", () => {
  it("allows inside the approved envelope", () => {
    expect(decide(input())).toMatchObject({ allow: true, deny: [], requiresApproval: false });
  });

  it("asks before the plan is approved, and after its hash changed", () => {
    const unapproved = { planHash: "h", stepApprovalRequired: false, stepApproved: false };
    const ask = { allow: false, deny: [{ reason: "approval_required", capability: "repo.write" }] };
    expect(decide(input({ approval: unapproved }))).toMatchObject(ask);
    expect(decide(input({ approval: { ...unapproved, approvedPlanHash: "old" } }))).toMatchObject(ask);
  });

  it("needs no approval for reading", () => {
    const call = { tool: "read_file", input: { path: "README.md" } };
    const approval = { planHash: "h", stepApprovalRequired: true, stepApproved: false };
    expect(decide(input({ call, approval }))).toMatchObject({ allow: true });
  });

  it("asks again for a step that wants it", () => {
    const approval = { ...approved, stepApprovalRequired: true };
    expect(decide(input({ approval }))).toMatchObject({ requiresApproval: true });
    expect(decide(input({ approval: { ...approval, stepApproved: true } }))).toMatchObject({ allow: true });
  });

  it("asks for a call outside the envelope", () => {
    const decision = decide(input({ call: write("package.json") }));
    expect(decision).toMatchObject({ requiresApproval: true });
  });

  it("denies what nobody can approve", () => {
    const decision = decide(input({ call: write("../x") }));
    expect(decision.requiresApproval).toBe(false);
    expect(decision.deny).toContainEqual({ reason: "outside_envelope" });
  });

  it("denies without profile, capability, or by the profile's own rule", () => {
    expect(decide(input({ profile: undefined })).deny).toContainEqual({ reason: "agent_profile_missing" });
    expect(decide(input({ capability: undefined }))).toMatchObject({
      allow: false,
      deny: [{ reason: "missing_capability" }],
    });
    const reader = { ...profile, capabilities: ["repo.read" as const] };
    expect(decide(input({ profile: reader })).deny).toEqual([
      { reason: "missing_capability", capability: "repo.write" },
    ]);
    const denying: PolicyProfile = { ...profile, approval_policy: { "repo.write": "deny" } };
    expect(decide(input({ profile: denying })).requiresApproval).toBe(false);
  });

  it("needs network.egress as well for a call that reaches the network", () => {
    const call = { tool: "run_command", input: { argv: ["npm", "test"] } };
    const networked = (changes: Partial<PolicyProfile>, approved = true) => {
      const approval = { planHash: "h", stepApprovalRequired: false, stepApproved: false };
      const { deny } = decide(
        input({
          call,
          capability: "test.run",
          envelopeCheck: { inside: true },
          reachesNetwork: true,
          profile: { ...profile, ...changes },
          approval: approved ? { ...approval, approvedPlanHash: "h" } : approval,
        }),
      );
      return deny.map(({ reason, capability }) => `${reason} ${capability}`);
    };
    const holding = { capabilities: ["test.run" as const, "network.egress" as const] };
    expect([
      networked(holding),
      networked(holding, false),
      networked({ capabilities: ["test.run"] }),
      networked({ ...holding, approval_policy: { "network.egress": "deny" } }),
    ]).toEqual([
      [],
      ["approval_required network.egress"],
      ["missing_capability network.egress"],
      ["missing_capability network.egress"],
    ]);
  });

  it("never lets `auto` replace a required approval, and `human_approval` tightens", () => {
    const unapproved = { planHash: "h", stepApprovalRequired: false, stepApproved: false };
    const auto: PolicyProfile = { ...profile, approval_policy: { "repo.write": "auto" } };
    expect(decide(input({ profile: auto, approval: unapproved }))).toMatchObject({ requiresApproval: true });
    const strict: PolicyProfile = { ...profile, approval_policy: { "repo.read": "human_approval" } };
    const call = { tool: "read_file", input: { path: "a" } };
    expect(decide(input({ profile: strict, call, approval: unapproved }))).toMatchObject({ requiresApproval: true });
    expect(decide(input({ profile: strict, call }))).toMatchObject({ allow: true });
  });

  it("honours grants for what they name only", () => {
    const call = write("package.json");
    const grants: ApprovalGrant[] = [{ scope: "step", tool: "write_file", subject: callSubject(call) }];
    expect(decide(input({ call, grants })).allow).toBe(true);
    expect(decide(input({ call: write("tsconfig.json"), grants })).allow).toBe(false);
    const once: ApprovalGrant[] = [{ scope: "call", tool: "write_file", subject: hashCall(call) }];
    expect(decide(input({ call, grants: once })).allow).toBe(true);
    const other = { tool: "write_file", input: { path: "package.json", content: "y" } };
    expect(decide(input({ call: other, grants: once })).allow).toBe(false);
  });

  it("changes the policy hash with the profile", () => {
    expect(policyHash(profile)).not.toBe(policyHash({ ...profile, capabilities: ["repo.read"] }));
    expect(policyHash(profile)).toBe(policyHash({ ...profile, capabilities: [...profile.capabilities].toReversed() }));
  });

  it("never allows more after a grant, capability or approval is removed", () => {
    const paths = fc.constantFrom("src/a.ts", "package.json", ".npmrc", "../x");
    const grant = fc.record({
      scope: fc.constantFrom("step" as const, "run" as const),
      tool: fc.constantFrom("write_file", "edit_file"),
      subject: paths.map((path) => callSubject(write(path))),
    });
    const arbitrary = fc.record({
      path: paths,
      capabilities: fc.uniqueArray(fc.constantFrom(...AgentCapability.options)),
      grants: fc.array(grant, { maxLength: 4 }),
      approvedPlan: fc.boolean(),
      stepApproved: fc.boolean(),
      stepApprovalRequired: fc.boolean(),
      drop: fc.nat(),
    });
    const holds = fc.check(
      fc.property(arbitrary, (given) => {
        const full = input({
          call: write(given.path),
          profile: { ...profile, capabilities: given.capabilities },
          grants: given.grants,
          approval: {
            planHash: "h",
            ...(given.approvedPlan ? { approvedPlanHash: "h" } : {}),
            stepApprovalRequired: given.stepApprovalRequired,
            stepApproved: given.stepApproved,
          },
        });
        const without = <T>(list: readonly T[]) => list.filter((_, index) => index !== given.drop % (list.length || 1));
        const lesser: PolicyInput[] = [
          { ...full, grants: without(full.grants) },
          { ...full, profile: { ...profile, capabilities: without(given.capabilities) } },
          { ...full, approval: { ...full.approval, stepApproved: false } },
          { ...full, approval: { planHash: "h", stepApproved: given.stepApproved, stepApprovalRequired: true } },
        ];
        return lesser.every((less) => !decide(less).allow || decide(full).allow);
      }),
    );
    expect(holds.counterexample).toBeNull();
  });
});

describe("visibleTools", () => {
  it("shows what envelope, capabilities and approval policy leave", () => {
    const wide = Envelope.parse({ tools: Object.keys(toolSpecs) });
    expect(visibleTools({ ...profile, capabilities: ["repo.read"] }, wide)).not.toContain("write_file");
    expect(visibleTools({ ...profile, approval_policy: { "test.run": "deny" } }, wide)).not.toContain("run_command");
    expect(visibleTools(profile, envelope)).toEqual(["read_file", "write_file", "run_command"]);
  });
});
