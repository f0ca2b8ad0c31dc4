// What OpenAI's models can do, by name. Unknown names (other servers) get the common ground.
import { findModelInfo } from "../price.ts";
import type { Capabilities, ModelRef } from "../spec.ts";

/** Models that think, and therefore refuse sampling parameters. */
const reasoningModel = /^(?:o\d|gpt-[5-9](?!.*-chat)|codex-)/;

/** Capabilities by model name; context size from the price table where it is known. */
export function openaiCapabilities(ref: ModelRef, at: Date): Capabilities {
  const isReasoning = reasoningModel.test(ref.modelId);
  const isVendor = ref.connection === undefined;
  const contextTokens = findModelInfo(ref, at)?.context_window;
  return {
    tools: true,
    parallelTools: true,
    strictTools: isVendor,
    jsonSchema: true,
    vision: isVendor,
    audio: false,
    pdf: isVendor && ref.wire === "openai.responses",
    reasoning: isReasoning ? "effort" : "none",
    sampling: !isReasoning,
    cache: isVendor ? "keyed" : "automatic",
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
}
