import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { decide, decideInput } from "./decide.ts";
import { policyLimits } from "./limits.ts";
import { loadPolicy, shippedPolicyFolder } from "./load-policy.ts";
import { createPolicyEngine, readResult, unavailableEngine } from "./policy-engine.ts";
import type { PolicyEngine } from "./policy-engine.ts";
import { buildPolicyInput } from "./policy-input.ts";
import { request } from "./testing/policy-requests.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-policy-"));
  cpSync(shippedPolicyFolder, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);
const changeManifest = (change: object) => {
  const manifest = JSON.parse(readFileSync(at("manifest.json"), "utf8")) as object;
  writeFileSync(at("manifest.json"), JSON.stringify({ ...manifest, ...change }));
};

const broken: [string, () => void][] = [
  ["no wasm", () => rmSync(at("policy.wasm"))],
  ["no manifest", () => rmSync(at("manifest.json"))],
  ["a manifest of another shape", () => changeManifest({ wasmSha256: 7 })],
  ["a manifest of other rules", () => changeManifest({ wasmSha256: "0".repeat(64) })],
  ["a manifest without the entry point", () => changeManifest({ entrypoints: ["x/y"] })],
  [
    "one changed byte",
    () => {
      const wasm = readFileSync(at("policy.wasm"));
      wasm[wasm.length - 1] = (wasm.at(-1) ?? 0) ^ 1;
      writeFileSync(at("policy.wasm"), wasm);
    },
  ],
];

describe("compiled rules", () => {
  test.each(broken)("are refused with %s", async (_title, spoil) => {
    await expect(loadPolicy(folder)).resolves.toMatchObject({
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    spoil();
    await expect(loadPolicy(folder)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("that are no wasm are refused", async () => {
    await expect(createPolicyEngine(new Uint8Array([1, 2, 3]))).rejects.toThrow(AgentError);
  });
});

const unavailable = [{ reason: "policy_unavailable", layer: "built-in", rule: "no_decision" }];

describe("no decision is a denial", () => {
  test("when the rules could not be loaded", () => {
    const { outcome, deny, problem } = decide(unavailableEngine("gone"), request());
    expect({ outcome, deny, problem }).toEqual({ outcome: "deny", deny: unavailable, problem: "gone" });
  });

  test("when the input is larger than what is decided about; the next call is decided again", async () => {
    const engine = await loadPolicy(folder);
    const patch = `--- a/x\n+++ b/${"x".repeat(policyLimits.maxInputBytes)}\n@@ -1 +1 @@\n-a\n+b\n`;
    const large = decide(engine, request({ call: { tool: "apply_patch", input: { patch } } }));
    expect([large.outcome, large.deny, decide(engine, request()).outcome]).toEqual(["deny", unavailable, "allow"]);
  });

  test("when memory runs out; the next call is decided again", async () => {
    const engine = await createPolicyEngine(readFileSync(at("policy.wasm")), { maxPages: 8 });
    const paths = Array.from({ length: 5_000 }, (_, index) => `src/some/longer/folder/file-${index}.ts`);
    const input = buildPolicyInput(request());
    const large = engine.evaluate({ ...input, action: { ...input.action, paths } });
    expect([large, engine.evaluate(input)]).toEqual([
      { problem: expect.stringMatching(/malloc|memory/iu) as string },
      { result: { allow: true, deny: [], requires_approval: false } },
    ]);
  });

  test.each([
    ["a boolean", [{ result: true }]],
    ["nothing", []],
    ["two results", [{ result: {} }, { result: {} }]],
    [
      "an unknown reason",
      [{ result: { allow: false, deny: [{ reason: "x", layer: "l", rule: "r" }], requires_approval: false } }],
    ],
    [
      "a denial that allows",
      [
        {
          result: {
            allow: true,
            deny: [{ reason: "outside_envelope", layer: "l", rule: "r" }],
            requires_approval: false,
          },
        },
      ],
    ],
    [
      "a question about what nobody can approve",
      [
        {
          result: {
            allow: false,
            deny: [{ reason: "outside_envelope", layer: "l", rule: "r" }],
            requires_approval: true,
          },
        },
      ],
    ],
  ])("when the rules give %s", (_title, results) => {
    expect(readResult(results)).toEqual({ problem: expect.stringMatching(/^the rules /u) as string });
  });
});

/** Every field the rules read, by its path. */
const fields = [
  "subject.agent",
  "subject.tool",
  "subject.capabilities",
  "subject.approvals",
  "subject.run_mode",
  "action.type",
  "action.capabilities",
  "action.run_mode",
  "action.call_hash",
  "action.subject_hash",
  "action.cost_usd",
  "context.profile",
  "context.envelope",
  "context.envelope.inside",
  "context.envelope.approvable",
  "context.step",
  "context.step.hash",
  "context.step.approval_required",
  "context.layers",
  "context.capabilities",
  "context.capabilities.role_bindings",
  "context.capabilities.tenant_role_bindings",
];

type Tree = Record<string, unknown>;

describe("an input without a field the rules read", () => {
  let engine: PolicyEngine;
  beforeEach(async () => {
    engine = await loadPolicy(folder);
  });

  test.each(fields)("decides nothing: %s", (name) => {
    const parts = name.split(".");
    const last = parts.pop() ?? "";
    const withValue = (value: unknown) => {
      const input = structuredClone(buildPolicyInput(request()));
      const holder = parts.reduce((node, part) => node[part] as Tree, input as Tree);
      const own = holder[last];
      holder[last] = value;
      // A value of the field's own kind is no fault.
      const isFault = Array.isArray(value) || Array.isArray(own) || typeof own !== typeof value;
      return isFault ? [decideInput(engine, input)] : [];
    };
    const decisions = [undefined, { odd: 1 }, 7, "x", [7]].flatMap(withValue);
    const unavailable = decisions.map(({ deny }) => deny.some(({ reason }) => reason === "policy_unavailable"));
    expect([decisions.length >= 4, new Set(unavailable)]).toEqual([true, new Set([true])]);
  });
});
