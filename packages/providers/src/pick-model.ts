// Which model a command uses when several places could say so.
import type { ProviderEnv } from "./connection.ts";

/** Models taken when only a key is present: priced, general, able to use tools. */
export const defaultModels = {
  anthropic: "anthropic/claude-sonnet-5",
  openai: "openai/gpt-5.6-sol",
} as const;

export type PickedModel =
  | { model: string; source: "flag" | "config" | "ANTHROPIC_API_KEY" | "OPENAI_API_KEY" }
  | { model: null; source: "none" };

function isSet(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== "";
}

/**
 * Explicit flag, else configuration, else the vendor whose key is set, else none. The word
 * `none` in flag or configuration chooses no model. A key that belongs to another address
 * (base URL set) picks nothing: what models it offers is unknown.
 */
export function pickModel(options: {
  flag?: string | undefined;
  config?: string | undefined;
  env: ProviderEnv;
}): PickedModel {
  for (const source of ["flag", "config"] as const) {
    const model = options[source]?.trim();
    if (model === "none") return { model: null, source: "none" };
    if (model !== undefined && model !== "") return { model, source };
  }
  const { env } = options;
  if (isSet(env.ANTHROPIC_API_KEY) && !isSet(env.ANTHROPIC_BASE_URL)) {
    return { model: defaultModels.anthropic, source: "ANTHROPIC_API_KEY" };
  }
  if (isSet(env.OPENAI_API_KEY) && !isSet(env.OPENAI_BASE_URL)) {
    return { model: defaultModels.openai, source: "OPENAI_API_KEY" };
  }
  return { model: null, source: "none" };
}
