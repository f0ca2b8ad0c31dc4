// Rules of policy files: what of a call each of them touches, and what then stands against it.
import { beforeAll, describe, expect, it } from "vitest";

import { callSubject } from "./call-subject.ts";
import { decide } from "./decide.ts";
import { loadPolicy, shippedPolicyFolder } from "./load-policy.ts";
import type { PolicyEngine } from "./policy-engine.ts";
import type { ApprovalGrant, DecisionRequest } from "./policy-input.ts";
import { layer, request, runCall, testEnvelope, writeCall, writer } from "./testing/policy-requests.ts";

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

type RuleCase = [title: string, rule: object, changes: Partial<DecisionRequest>, applies: boolean];

const openEnvelope = { ...testEnvelope, egressHosts: ["api.example.org"] };
const egress: Partial<DecisionRequest> = {
  call: runCall("npm", "test"),
  envelope: openEnvelope,
  profile: { ...writer, capabilities: [...writer.capabilities, "network.egress"] },
};
/** Each runs `rm`, through something that runs others. */
const wrapped: string[][] = [
  ["npm", "exec", "--", "rm", "-rf", "x"],
  ["npm", "-w", "a", "x", "-c", "rm -rf x"],
  ["npx", "-c", "rm x"],
  ["pnpm", "-r", "exec", "rm", "x"],
  ["pnpm", "dlx", "rm"],
  ["yarn", "dlx", "rm"],
  ["bun", "x", "rm"],
  ["uv", "run", "rm", "x"],
  ["git", "-c", "alias.x=!rm -rf x", "x"],
  ["git", "-C", "src", "-c", "core.pager=rm", "log"],
  ["git", "rebase", "--exec=rm x", "main"],
  ["git", "bisect", "run", "rm", "x"],
  ["git", "submodule", "foreach", "rm -rf x"],
  ["env", "-S", "rm -rf x"],
  ["xargs", "-0", "rm"],
  ["find", ".", "-exec", "rm", "{}", ";"],
  ["timeout", "5", "rm", "x"],
  ["nice", "-n5", "rm", "x"],
  ["setsid", "-w", "rm", "x"],
  ["busybox", "rm", "x"],
  ["sh", "-c", "true;rm${IFS}-rf${IFS}x"],
  ["bash", "-c", "(r''m x)"],
  ["sh", "-c", "echo $(rm x)"],
];
/** Code and scripts are not read: such a rule is no wall. */
const opaque: string[][] = [
  ["python3", "-c", "import os; os.system('rm x')"],
  ["node", "-e", "require('child_process').execSync('rm x')"],
  ["make", "rm"],
  ["npm", "install", "rm"],
  ["git", "commit", "-m", "rm x"],
  ["git", "commit", "-c", "HEAD", "rm"],
];

const ruleCases: RuleCase[] = [
  ["a capability", { capabilities: ["repo.write"] }, {}, true],
  ["another capability", { capabilities: ["test.run"] }, {}, false],
  ["one of several capabilities", { capabilities: ["test.run", "repo.write"] }, {}, true],
  ["a tool", { tools: ["write_file"] }, {}, true],
  ["another tool", { tools: ["edit_file", "read_file"] }, {}, false],
  ["a path glob", { paths: ["src/*.ts"] }, {}, true],
  ["a path glob below", { paths: ["src/*.ts"] }, { call: writeCall("src/deep/a.ts") }, false],
  ["a path in another spelling", { paths: ["src/a.ts"] }, { call: writeCall("./src//a.ts") }, true],
  ["a path that is read", { paths: ["README.md"] }, { call: readCall }, true],
  ["a path of a patch", { paths: ["src/b.ts"] }, { call: patchOf("src/a.ts", "src/b.ts") }, true],
  ["no path of a patch", { paths: ["lib/**"] }, { call: patchOf("src/a.ts", "src/b.ts") }, false],
  ["a path and a tool", { paths: ["src/**"], tools: ["edit_file"] }, {}, false],
  ["a command prefix", { commands: ["npm test"] }, { call: runCall("npm", "test", "--", "x") }, true],
  ["a longer command", { commands: ["npm test --watch"] }, { call: runCall("npm", "test") }, false],
  ["a word that only begins so", { commands: ["npm te"] }, { call: runCall("npm", "test") }, false],
  ["a command behind env", { commands: ["rm"] }, { call: runCall("env", "A=1", "rm", "x") }, true],
  ["a command by its path", { commands: ["rm"] }, { call: runCall("/bin/rm", "x") }, true],
  ["a shell's text", { commands: ["rm -r"] }, { call: runCall("sh", "-c", 'cd a&&"rm" -r b') }, true],
  ...wrapped.map((argv): RuleCase => [
    `what runs behind ${argv.join(" ")}`,
    { commands: ["rm"] },
    { call: runCall(...argv) },
    true,
  ]),
  ...opaque.map((argv): RuleCase => [
    `what is code: ${argv.join(" ")}`,
    { commands: ["rm"] },
    { call: runCall(...argv) },
    false,
  ]),
  ["a long script", { commands: ["rm"] }, { call: runCall("sh", "-c", `${"true ".repeat(600)}; rm -rf src`) }, true],
  ["a long script of others", { commands: ["rm"] }, { call: runCall("sh", "-c", "true ".repeat(600)) }, false],
  ["a word of another command", { commands: ["test"] }, { call: runCall("npm", "test") }, false],
  ["a host", { hosts: ["api.example.org"] }, egress, true],
  ["a wildcard host", { hosts: ["*.example.org"] }, egress, true],
  ["another host", { hosts: ["example.org"] }, egress, false],
  [
    "a host below an opened wildcard",
    { hosts: ["api.example.org"] },
    { ...egress, envelope: { ...testEnvelope, egressHosts: ["*.example.org"] } },
    true,
  ],
  [
    "a host that is opened for one method and path",
    { hosts: ["api.example.org"] },
    { ...egress, envelope: { ...testEnvelope, egressHosts: ["GET https://api.example.org/v1/*"] } },
    true,
  ],
  ["a host for a call without network", { hosts: ["api.example.org"] }, { envelope: openEnvelope }, false],
  ["a cost that is passed", { maxCostUsd: 1 }, { costUsd: 1.01 }, true],
  ["a cost that is reached", { maxCostUsd: 1 }, { costUsd: 1 }, false],
  ["a cost nobody knows", { maxCostUsd: 1 }, { costUsd: null }, true],
  ["a cost of nothing", { maxCostUsd: 0 }, { costUsd: 0 }, false],
];

function patchOf(...paths: string[]) {
  const patch = paths.map((path) => `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`).join("");
  return { tool: "apply_patch", input: { patch } };
}

describe("a rule of a policy file", () => {
  it.each(ruleCases)("about %s", (_title, rule, changes, applies) => {
    const base = { envelopeCheck: { inside: true } as const, ...changes };
    const at = (effect: string) => decided({ ...base, layers: [layer("user", [{ ...rule, effect }])] });
    const reason = "hosts" in rule ? "egress_not_allowed" : "denied_by_rule";
    expect([at("deny"), at("ask")]).toEqual(
      applies
        ? [
            ["deny", `user/rule-1: ${reason}`],
            ["ask", "user/rule-1: approval_required"],
          ]
        : [["allow"], ["allow"]],
    );
  });

  it("that asks is content with a person's answer, one that denies is not", () => {
    const call = writeCall("src/a.ts");
    const grants: ApprovalGrant[] = [{ scope: "run", tool: "write_file", subject: callSubject(call) }];
    const at = (effect: string) => decided({ grants, layers: [layer("admin", [{ effect, paths: ["src/**"] }])] });
    expect([at("ask"), at("deny")]).toEqual([["allow"], ["deny", "admin/rule-1: denied_by_rule"]]);
  });

  it("about commands meets one that is too large to be read, and says so", () => {
    const at = (words: number, rule: object) =>
      decided({
        call: runCall("sh", "-c", "a ".repeat(words)),
        envelopeCheck: { inside: true },
        layers: [layer("user", [rule])],
      });
    const denying = { effect: "deny", commands: ["rm"] };
    expect([
      at(4_000, denying),
      at(4_100, denying),
      at(4_100, { ...denying, effect: "ask" }),
      at(4_100, { ...denying, tools: ["write_file"] }),
      at(4_100, { effect: "deny", paths: ["**"] }),
    ]).toEqual([
      ["allow"],
      ["deny", "user/rule-1: command_too_large"],
      ["ask", "user/rule-1: approval_required"],
      ["allow"],
      ["allow"],
    ]);
  });

  it("is the strictest of all layers, whatever their order", () => {
    const deny = layer("user", [{ effect: "deny", tools: ["write_file"] }]);
    const ask = layer("admin", [{ effect: "ask", tools: ["write_file"] }]);
    const idle = layer("project", [{ effect: "deny", tools: ["run_tests"] }]);
    for (const layers of [
      [deny, ask, idle],
      [idle, ask, deny],
    ]) {
      expect(decided({ layers })).toEqual(["deny", "admin/rule-1: approval_required", "user/rule-1: denied_by_rule"]);
    }
  });
});
