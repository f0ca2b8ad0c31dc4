// What Anthropic's models can do, by name.
import { findModelInfo } from "../price.ts";
import type { Capabilities, ModelRef } from "../spec.ts";

/** Models that take a thinking budget; newer ones decide by themselves. */
const budgetModel = /^claude-(?:3-7|(?:opus|sonnet|haiku)-4(?:-[015])?(?:-\d{8})?$)/;
const plainModel = /^claude-(?:3-[05]|3-(?:opus|sonnet|haiku)|2|instant)/;

export function anthropicCapabilities(ref: ModelRef, at: Date): Capabilities {
  const contextTokens = findModelInfo(ref, at)?.context_window;
  return {
    tools: true,
    parallelTools: true,
    strictTools: true,
    jsonSchema: true,
    vision: true,
    audio: false,
    pdf: true,
    reasoning: plainModel.test(ref.modelId) ? "none" : budgetModel.test(ref.modelId) ? "budget" : "adaptive",
    // The API version the SDK speaks answers 400 to temperature and top_p.
    sampling: false,
    cache: "breakpoint",
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
}
