import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { explainEntries, ruleMeanings, ruleText } from "./explain-rule.ts";

const rego = readFileSync(new URL("../../../infra/policies/orchestrator/capabilities.rego", import.meta.url), "utf8");

/** Ids of rules that a Rego text makes entries of by itself. */
const builtInRules = (text: string) =>
  [...text.matchAll(/deny contains entry(?:_for)?\((?:"\w+"|reason_of_lack\(capability\)), "[\w-]+", "(\w+)"/gu)].map(
    ([, id]) => id ?? "",
  );

const unexplained = (text: string) => builtInRules(text).filter((id) => !Object.hasOwn(ruleMeanings, id));

describe("every built-in rule", () => {
  test("has words for why, and no words are left over", () => {
    expect(unexplained(rego)).toEqual([]);
    expect(Object.keys(ruleMeanings).toSorted()).toEqual(
      [...new Set([...builtInRules(rego), "no_decision"])].toSorted(),
    );
  });

  test("that is planted without words is found", () => {
    expect(unexplained('deny contains entry("denied_by_rule", "built-in", "planted") if true')).toEqual(["planted"]);
  });
});

const rule = { id: "no-src", effect: "deny" as const, source: "policy.json:3", touched: {} };
const context = (...rules: object[]) => ({ context: { layers: [{ name: "user", rules }] } }) as never;
const entry = { reason: "denied_by_rule", layer: "user", rule: "no-src", source: "policy.json:3" } as const;

test("a rule of a policy file is explained by the reason that stands there", () => {
  const [explained] = explainEntries([entry], context({ ...rule, reason: "generated code" }));
  expect(explained).toEqual({ ...entry, why: "generated code" });
  expect(ruleText(explained!)).toBe("user rule no-src (policy.json:3): generated code");
});

test("a rule without a reason says so, and a built-in one has its own words", () => {
  const builtIn = { reason: "approval_required", layer: "plan", rule: "outside_envelope" } as const;
  const texts = explainEntries([entry, builtIn], context(rule)).map(({ why }) => why);
  expect(texts).toEqual(["the policy file says deny and gives no reason", ruleMeanings["outside_envelope"]]);
});
