import { AgentCapability, Envelope, toolSpecs } from "@ossaat/contracts";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";

import { callSubject } from "./call-subject.ts";
import { decide, policyHash, visibleTools } from "./decide.ts";
import { loadPolicy, shippedPolicyFolder } from "./load-policy.ts";
import type { PolicyEngine } from "./policy-engine.ts";
import { hashCall } from "./policy-input.ts";
import type { ApprovalGrant, DecisionRequest, PolicyProfile } from "./policy-input.ts";
import type { PolicyLayer } from "./policy-layer.ts";
import {
  approvedStep,
  layer,
  request,
  runCall,
  testEnvelope,
  unapprovedStep,
  writeCall,
  writer,
} from "./testing/policy-requests.ts";

let engine: PolicyEngine;
beforeAll(async () => {
  engine = await loadPolicy(shippedPolicyFolder);
});

/** Outcome and, for each thing that stands against the call, `layer/rule: reason`. */
function decided(changes: Partial<DecisionRequest> = {}): string[] {
  const { outcome, deny } = decide(engine, request(changes));
  return [outcome, ...deny.map(({ layer, rule, reason }) => `${layer}/${rule}: ${reason}`)];
}

const readCall = { tool: "read_file", input: { path: "README.md" } };
const asking = (capability: AgentCapability): PolicyProfile => ({
  ...writer,
  approval_policy: { [capability]: "human_approval" },
});

describe("decide", () => {
  it("allows inside of the approved envelope", () => {
    const { input: _input, ...decision } = decide(engine, request());
    expect(decision).toEqual({
      outcome: "allow",
      deny: [],
      policyHash: policyHash(engine, { profile: writer, layers: [] }),
    });
  });

  it("says what stands against a call, with capability and source", () => {
    const layers = [layer("admin", [{ id: "no-src", effect: "deny", paths: ["src/**"] }])];
    expect(decide(engine, request({ step: unapprovedStep, layers })).deny).toEqual([
      { reason: "denied_by_rule", layer: "admin", rule: "no-src", source: "admin.json:1" },
      { reason: "approval_required", layer: "plan", rule: "plan_not_approved", capability: "repo.write" },
    ]);
  });

  it("asks before the plan is approved, and after its hash changed", () => {
    const expected = ["ask", "plan/plan_not_approved: approval_required"];
    expect(decided({ step: unapprovedStep })).toEqual(expected);
    expect(decided({ step: { ...unapprovedStep, approvedHash: "old" } })).toEqual(expected);
  });

  it("needs no approval for reading", () => {
    expect(decided({ call: readCall, step: { ...unapprovedStep, approvalRequired: true } })).toEqual(["allow"]);
  });

  it("asks again for a step that wants it, until that very step is approved", () => {
    const step = { ...approvedStep, approvalRequired: true };
    expect(decided({ step })).toEqual(["ask", "plan/step_not_approved: approval_required"]);
    expect(decided({ step: { ...step, isApproved: true } })).toEqual(["allow"]);
  });

  it("asks for a call outside of the envelope, and denies what nobody can approve", () => {
    expect(decided({ call: writeCall("package.json") })).toEqual(["ask", "plan/outside_envelope: approval_required"]);
    expect(decided({ call: writeCall("../x") })).toEqual([
      "deny",
      "plan/outside_envelope: approval_required",
      "plan/cannot_be_approved: outside_envelope",
    ]);
  });

  it("denies without profile, without capability, and by the profile's own rule", () => {
    expect(decided({ profile: undefined })).toEqual(["deny", "profile/profile_missing: agent_profile_missing"]);
    expect(decided({ capability: undefined })).toEqual([
      "deny",
      "built-in/tool_without_capability: missing_capability",
    ]);
    expect(decided({ profile: { ...writer, capabilities: ["repo.read"] } })).toEqual([
      "deny",
      "profile/capability_not_held: missing_capability",
    ]);
    expect(decided({ profile: { ...writer, approval_policy: { "repo.write": "deny" } } })).toEqual([
      "deny",
      "profile/denied_by_profile: missing_capability",
    ]);
    expect(decided({ capability: "repo.burn" as AgentCapability })).toEqual([
      "deny",
      "built-in/unknown_capability: missing_capability",
      "profile/capability_not_held: missing_capability",
    ]);
  });

  it("never lets `auto` replace a required approval, and `human_approval` tightens", () => {
    const auto: PolicyProfile = { ...writer, approval_policy: { "repo.write": "auto" } };
    expect(decided({ profile: auto, step: unapprovedStep })[0]).toBe("ask");
    expect(decided({ profile: asking("repo.read"), call: readCall, step: unapprovedStep })[0]).toBe("ask");
    expect(decided({ profile: asking("repo.read"), call: readCall })).toEqual(["allow"]);
  });

  it("honours grants for what they name only", () => {
    const call = writeCall("package.json");
    const grants: ApprovalGrant[] = [{ scope: "step", tool: "write_file", subject: callSubject(call) }];
    const once: ApprovalGrant[] = [{ scope: "call", tool: "write_file", subject: hashCall(call) }];
    const other = { tool: "write_file", input: { path: "package.json", content: "y" } };
    expect([
      decided({ call, grants })[0],
      decided({ call: writeCall("tsconfig.json"), grants })[0],
      decided({ call: { tool: "edit_file", input: { path: "package.json", oldText: "a", newText: "b" } }, grants })[0],
      decided({ call, grants: once })[0],
      decided({ call: other, grants: once })[0],
    ]).toEqual(["allow", "ask", "ask", "allow", "ask"]);
  });

  it("needs the network's capability for programs whose envelope opens hosts", () => {
    const envelope = { ...testEnvelope, egressHosts: ["api.example.org"] };
    const call = runCall("npm", "test");
    const profile: PolicyProfile = { ...writer, capabilities: [...writer.capabilities, "network.egress"] };
    expect(decided({ envelope, call })).toEqual(["deny", "profile/capability_not_held: egress_not_allowed"]);
    expect(decided({ envelope, call, profile })).toEqual(["allow"]);
    expect(decided({ envelope, call, profile, step: unapprovedStep })).toEqual([
      "ask",
      "plan/plan_not_approved: approval_required",
    ]);
    expect(decided({ envelope })).toEqual(["allow"]);
    expect(decided({ call, envelope: { ...testEnvelope, egressHosts: ["no host at all"] } })).toEqual(["allow"]);
  });
});

describe("hosts that a command asks for by itself", () => {
  const networked: PolicyProfile = { ...writer, capabilities: [...writer.capabilities, "network.egress"] };
  const reaching = (...hosts: string[]) => ({ tool: "run_command", input: { argv: ["npm", "test"], hosts } });
  const noEvil = layer("admin", [{ id: "no-evil", effect: "deny", hosts: ["evil.example.com"] }]);
  const toEvil = reaching("GET https://evil.example.com/x");

  it("need the network's capability, as those of the envelope do", () => {
    expect([decided({ call: toEvil })[0], decided({ call: toEvil, profile: networked })]).toEqual([
      "deny",
      ["ask", "plan/outside_envelope: approval_required", "plan/outside_envelope: approval_required"],
    ]);
    const denying: PolicyProfile = { ...networked, approval_policy: { "network.egress": "deny" } };
    expect(decided({ call: toEvil, profile: denying })).toContain("profile/denied_by_profile: egress_not_allowed");
  });

  it("meet the rules about hosts, whatever a person has granted and the envelope opens", () => {
    const rule = "admin/no-evil: egress_not_allowed";
    const grants: ApprovalGrant[] = [{ scope: "run", tool: "run_command", subject: callSubject(toEvil) }];
    const opened = { ...testEnvelope, egressHosts: ["good.example.com"] };
    const base = { profile: networked, layers: [noEvil] };
    expect([
      decided({ ...base, call: toEvil }),
      decided({ ...base, call: toEvil, grants }),
      decided({ ...base, call: reaching("good.example.com", "evil.example.com:8443"), envelope: opened, grants }),
      decided({ ...base, call: reaching("*.example.com"), envelope: opened, grants })[1],
      decided({ ...base, call: reaching("good.example.com"), envelope: opened }),
    ]).toEqual([
      ["deny", rule, "plan/outside_envelope: approval_required", "plan/outside_envelope: approval_required"],
      ["deny", rule],
      ["deny", rule, "plan/outside_envelope: approval_required", "plan/outside_envelope: approval_required"],
      rule,
      ["allow"],
    ]);
  });
});

it("denies what a plan of another run mode asks for", () => {
  const modes = ["consumer", "enterprise"] as const;
  const mismatch = ["deny", "built-in/run_mode: run_mode_mismatch"];
  const all = modes.map((server) => modes.map((plan) => decided({ runModes: { server, plan } })));
  expect(all).toEqual([
    [["allow"], mismatch],
    [mismatch, ["allow"]],
  ]);
});

describe("the policy hash", () => {
  const hash = (profile: PolicyProfile | undefined, layers: PolicyLayer[] = []) =>
    policyHash(engine, { profile, layers });

  it("is another for other rules, profiles and policy files, and the same for the same", () => {
    const rule = { effect: "ask", paths: ["src/**"] };
    const hashes = [
      hash(writer),
      hash(undefined),
      hash({ ...writer, capabilities: ["repo.read"] }),
      hash(asking("repo.read")),
      hash(writer, [layer("user", [rule])]),
      hash(writer, [layer("admin", [rule])]),
      hash(writer, [layer("user", [{ ...rule, effect: "deny" }])]),
      policyHash(engine, { profile: writer, layers: [], runModes: { server: "enterprise", plan: "consumer" } }),
      policyHash({ hash: "0".repeat(64) }, { profile: writer, layers: [] }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hash({ ...writer, capabilities: writer.capabilities.toReversed() })).toBe(hash(writer));
  });
});

describe("visibleTools", () => {
  const visible = (profile: PolicyProfile, envelope: Envelope, ...layers: PolicyLayer[]) =>
    visibleTools(engine, { profile, envelope, layers });
  const wide = Envelope.parse({ tools: Object.keys(toolSpecs) });

  it("shows what envelope, capabilities and approval policy leave", () => {
    expect(visible({ ...writer, capabilities: ["repo.read"] }, wide)).not.toContain("write_file");
    expect(visible({ ...writer, approval_policy: { "test.run": "deny" } }, wide)).not.toContain("run_command");
    expect(visible(writer, testEnvelope)).toEqual(["read_file", "write_file", "run_command", "run_tests"]);
  });

  it("hides a tool that a rule denies outright, and none that it denies in places", () => {
    const outright = layer("admin", [{ effect: "deny", tools: ["run_command"] }]);
    const inPlaces = layer("admin", [
      { effect: "deny", paths: ["infra/**"] },
      { effect: "ask", tools: ["read_file"] },
    ]);
    expect([visible(writer, testEnvelope, outright), visible(writer, testEnvelope, inPlaces)]).toEqual([
      ["read_file", "write_file", "run_tests"],
      ["read_file", "write_file", "run_command", "run_tests"],
    ]);
  });
});

const rank = { allow: 2, ask: 1, deny: 0 };
const arbitraryPath = fc.constantFrom("src/a.ts", "package.json", ".npmrc", "../x");
const arbitraryRule = fc.record(
  {
    effect: fc.constantFrom("deny", "ask"),
    capabilities: fc.subarray([...AgentCapability.options], { minLength: 1 }),
    tools: fc.subarray(["write_file", "run_command", "read_file"], { minLength: 1 }),
    paths: fc.subarray(["src/**", "package.json", "**"], { minLength: 1 }),
    commands: fc.subarray(["npm", "npm test", "rm"], { minLength: 1 }),
    hosts: fc.subarray(["api.example.org", "*.example.org"], { minLength: 1 }),
    maxCostUsd: fc.constantFrom(0, 1, 5),
  },
  { requiredKeys: ["effect", "tools"] },
);
const arbitraryLayer = fc
  .tuple(fc.constantFrom("admin", "project", "user"), fc.array(arbitraryRule, { maxLength: 3 }))
  .map(([name, rules]) => layer(name as PolicyLayer["name"], rules));
const arbitraryCall = fc.oneof(
  arbitraryPath.map(writeCall),
  arbitraryPath.map((path) => ({ tool: "read_file", input: { path } })),
  fc.constantFrom(["npm", "test"], ["npm", "publish"], ["env", "rm"]).map((argv) => runCall(...argv)),
);
const arbitraryGrant = fc.record({
  scope: fc.constantFrom("step" as const, "run" as const),
  tool: fc.constantFrom("write_file", "edit_file"),
  subject: arbitraryPath.map((path) => callSubject(writeCall(path))),
});
const arbitraryRequest: fc.Arbitrary<DecisionRequest> = fc
  .record({
    call: arbitraryCall,
    profile: fc.record({
      name: fc.constant("code-writer"),
      capabilities: fc.subarray([...AgentCapability.options]),
      approval_policy: fc.dictionary(
        fc.constantFrom(...AgentCapability.options),
        fc.constantFrom("human_approval" as const, "deny" as const, "auto" as const),
        { maxKeys: 3 },
      ),
    }),
    envelope: fc.constantFrom(testEnvelope, { ...testEnvelope, egressHosts: ["api.example.org"] }),
    step: fc.record({
      hash: fc.constant("h"),
      approvedHash: fc.constantFrom("h", "old", undefined),
      approvalRequired: fc.boolean(),
      isApproved: fc.boolean(),
    }),
    grants: fc.array(arbitraryGrant, { maxLength: 4 }),
    layers: fc.array(arbitraryLayer, { maxLength: 3 }),
    costUsd: fc.constantFrom(0, 2, null),
  })
  .map((changes) => request(changes));

describe("whatever is asked", { timeout: 60_000 }, () => {
  const outcomeOf = (given: DecisionRequest) => rank[decide(engine, given).outcome];

  it("taking away a grant, a capability or an approval never allows more", () => {
    const holds = fc.check(
      fc.property(arbitraryRequest, fc.nat(), (full, drop) => {
        const without = <T>(list: readonly T[]) => list.filter((_, index) => index !== drop % (list.length || 1));
        const profile = full.profile ?? writer;
        const lesser: DecisionRequest[] = [
          { ...full, grants: without(full.grants) },
          { ...full, profile: { ...profile, capabilities: without(profile.capabilities) } },
          { ...full, profile: undefined },
          { ...full, step: { ...full.step, isApproved: false } },
          { ...full, step: { ...full.step, approvedHash: undefined } },
          { ...full, step: { ...full.step, approvalRequired: true } },
          { ...full, costUsd: null },
        ];
        return lesser.every((less) => outcomeOf(less) <= outcomeOf(full));
      }),
      { numRuns: 300 },
    );
    expect(fc.defaultReportMessage(holds)).toBeUndefined();
  });

  it("adding a layer or a rule never allows more, and the order of layers says nothing", () => {
    const holds = fc.check(
      fc.property(arbitraryRequest, arbitraryLayer, (base, more) => {
        const before = outcomeOf(base);
        const after = outcomeOf({ ...base, layers: [...base.layers, more] });
        const turned = outcomeOf({ ...base, layers: [more, ...base.layers.toReversed()] });
        const merged = base.layers.map((own) => ({ ...own, rules: [...own.rules, ...more.rules] }));
        return after <= before && after === turned && outcomeOf({ ...base, layers: merged }) <= before;
      }),
      { numRuns: 300 },
    );
    expect(fc.defaultReportMessage(holds)).toBeUndefined();
  });
});
