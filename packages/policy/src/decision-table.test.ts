// The whole space of facts against an oracle of another make: a table read from the top, of which
// the first fitting row decides.
import type { AgentCapability, PolicyInput, TouchedRule } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { decideInput } from "./decide.ts";
import { loadPolicy, shippedPolicyFolder } from "./load-policy.ts";

const space = {
  mode: ["same", "other"],
  profile: ["known", "missing"],
  needs: ["repo.read", "repo.write", "nothing"],
  held: ["yes", "no"],
  network: ["unused", "held", "lacked"],
  rule: ["none", "auto", "human_approval", "deny"],
  place: ["inside", "outside", "never"],
  grant: ["no", "yes"],
  plan: ["approved", "changed"],
  again: ["no", "unanswered", "answered"],
  file: ["silent", "asks", "denies"],
} as const;

type Facts = { [K in keyof typeof space]: (typeof space)[K][number] };
type Row = [outcome: "allow" | "ask" | "deny", when: { [K in keyof Facts]?: readonly Facts[K][] }];

const table: readonly Row[] = [
  ["deny", { mode: ["other"] }],
  ["deny", { profile: ["missing"] }],
  ["deny", { needs: ["nothing"] }],
  ["deny", { held: ["no"] }],
  ["deny", { network: ["lacked"] }],
  ["deny", { rule: ["deny"] }],
  ["deny", { place: ["never"] }],
  ["deny", { file: ["denies"] }],
  ["allow", { grant: ["yes"] }],
  ["ask", { file: ["asks"] }],
  ["ask", { place: ["outside"] }],
  ["allow", { needs: ["repo.read"], network: ["unused"], rule: ["none", "auto"] }],
  ["ask", { plan: ["changed"] }],
  ["ask", { again: ["unanswered"] }],
  ["allow", {}],
];

function expectedOf(facts: Facts): string {
  const fits = ([, when]: Row) =>
    Object.entries(when).every(([name, values]) => (values as readonly string[]).includes(facts[name as keyof Facts]));
  return table.find(fits)?.[0] ?? "none";
}

function inputOf(facts: Facts): PolicyInput {
  const own: AgentCapability[] = facts.needs === "nothing" ? [] : [facts.needs];
  const network: AgentCapability[] = facts.needs === "nothing" || facts.network === "unused" ? [] : ["network.egress"];
  const needs = [...own, ...network];
  const effect = facts.file === "asks" ? "ask" : "deny";
  const rule: TouchedRule = { id: "r", effect, source: "f:1", tools: ["write_file"], touched: { paths: ["a"] } };
  const rules = facts.file === "silent" ? [] : [rule];
  return {
    subject: {
      agent: "a",
      tool: "write_file",
      capabilities: [...(facts.held === "yes" ? own : []), ...(facts.network === "held" ? network : [])],
      approvals: [
        { kind: "plan", hash: facts.plan === "approved" ? "now" : "before" },
        ...(facts.again === "answered" ? [{ kind: "step" as const, hash: "now" }] : []),
        ...(facts.grant === "yes" ? [{ kind: "call" as const, hash: "subject" }] : []),
      ],
      run_mode: "consumer",
      tenant_id: "t",
      user: "u",
      roles: [],
      scopes: [],
      session_id: "",
    },
    action: {
      type: "tool.call",
      capabilities: needs,
      run_mode: facts.mode === "same" ? "consumer" : "enterprise",
      paths: ["a"],
      commands: [],
      hosts: network.length === 0 ? [] : ["example.org"],
      cost_usd: 0,
      call_hash: "call",
      subject_hash: "subject",
    },
    context: {
      capabilities: { role_bindings: {}, tenant_role_bindings: {} },
      profile:
        facts.profile === "missing"
          ? null
          : {
              approval_policy: facts.rule === "none" ? {} : Object.fromEntries(own.map((name) => [name, facts.rule])),
            },
      envelope: { inside: facts.place === "inside", approvable: facts.place !== "never" },
      step: { hash: "now", approval_required: facts.again !== "no" },
      layers: [{ name: "user", rules }],
    },
  };
}

function everyFact(): Facts[] {
  let all: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(space)) {
    all = all.flatMap((facts) => values.map((value) => ({ ...facts, [name]: value })));
  }
  return all as Facts[];
}

test("the rules decide as the table does, for every combination of facts", { timeout: 60_000 }, async () => {
  const engine = await loadPolicy(shippedPolicyFolder);
  const all = everyFact();
  const wrong = all.filter((facts) => decideInput(engine, inputOf(facts)).outcome !== expectedOf(facts));
  expect([all.length, wrong.slice(0, 3)]).toEqual([2 * 2 * 3 * 2 * 3 * 4 * 3 * 2 * 2 * 3 * 3, []]);
});

test("bindings of roles narrow what a profile holds, and add nothing", async () => {
  const engine = await loadPolicy(shippedPolicyFolder);
  const facts: Facts = { ...(everyFact()[0] as Facts), needs: "repo.write" };
  const base = inputOf(facts);
  const bound = (own: Record<string, string[]>, tenant: Record<string, string[]>, capabilities = ["repo.write"]) =>
    decideInput(engine, {
      ...base,
      subject: { ...base.subject, capabilities },
      context: { ...base.context, capabilities: { role_bindings: own, tenant_role_bindings: tenant } },
    }).outcome;
  expect([
    bound({}, {}),
    bound({ a: ["repo.write"] }, { a: ["repo.write", "repo.read"] }),
    bound({ b: [] }, { b: [] }),
    bound({ a: ["repo.read"] }, {}),
    bound({}, { a: [] }),
    bound({ a: ["repo.write"] }, { a: ["repo.write"] }, []),
  ]).toEqual(["allow", "allow", "allow", "deny", "deny", "deny"]);
});
