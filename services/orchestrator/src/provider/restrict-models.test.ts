import { AgentError } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { createModels } from "../compose/models.ts";
import { restrictModels } from "./restrict-models.ts";
import type { ModelRules } from "./restrict-models.ts";

const env = { OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k" };

async function answer(ref: string, rules: ModelRules): Promise<string> {
  return restrictModels(createModels({ env }), rules)
    .resolve(ref)
    .then(
      (model) => model.ref,
      (thrown: unknown) => AgentError.from(thrown).code,
    );
}

test.each<[string, ModelRules, string]>([
  ["openai/gpt-5", { runMode: "enterprise", allowedModels: undefined }, "openai/gpt-5"],
  ["openai/gpt-5", { runMode: "consumer", allowedModels: ["anthropic/*"] }, "policy_denied"],
  ["openai/gpt-5", { runMode: "consumer", allowedModels: ["anthropic/*", "openai/gpt-*"] }, "openai/gpt-5"],
  ["scripted:/no/file", { runMode: "enterprise", allowedModels: undefined }, "policy_denied"],
  ["scripted:/no/file", { runMode: "consumer", allowedModels: undefined }, "invalid_input"],
])("%s by %j is %s", async (ref, rules, expected) => {
  expect(await answer(ref, rules)).toBe(expected);
});
