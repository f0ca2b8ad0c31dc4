// What a turn cost. Prices come from the vendored table of genai-prices; nothing is fetched.
// An unknown price stays unknown: it is null, never 0.
import { calcPrice } from "@pydantic/genai-prices";
import type { ModelInfo, PriceCalculation } from "@pydantic/genai-prices";

import type { ModelRef, Usage } from "./spec.ts";

/** `reported` by the vendor, `table` = computed, `scripted` = said by a script, `unknown`. */
export type PriceSource = "reported" | "table" | "scripted" | "unknown";
export type Price = { costUsd: number | null; source: PriceSource };

const unknownPrice: Price = { costUsd: null, source: "unknown" };

/** What may follow a model's name in the name of the same model. */
const aliasSuffix = /^-(?:latest|\d{8}|\d{4}-\d{2}-\d{2})$/;

type TableUsage = Record<string, number | undefined>;

function tablePrice(ref: ModelRef, usage: TableUsage, at: Date): PriceCalculation | undefined {
  try {
    return calcPrice(usage, ref.modelId, { providerId: ref.provider, timestamp: at }) ?? undefined;
  } catch {
    // The table refuses counts that contradict each other; their cost is as unknown as they are.
    return undefined;
  }
}

function lookUp(ref: ModelRef, usage: TableUsage, at: Date) {
  const found = tablePrice(ref, usage, at);
  if (found === undefined || found.provider.id !== ref.provider) return undefined;
  // NOTE: the table matches by prefix too, and would price a new model as its predecessor.
  const { id } = found.model;
  const isGuess = ref.modelId.startsWith(id) && ref.modelId !== id && !aliasSuffix.test(ref.modelId.slice(id.length));
  return isGuess ? undefined : found;
}

/** The table's entry of a model, for its context window. A custom connection has none. */
export function findModelInfo(ref: ModelRef, at: Date): ModelInfo | undefined {
  return ref.connection === undefined ? lookUp(ref, { input_tokens: 0, output_tokens: 0 }, at)?.model : undefined;
}

function sum(...figures: (number | undefined)[]): number | undefined {
  const known = figures.filter((figure) => figure !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, figure) => total + figure, 0);
}

/**
 * Cost of a turn in US dollars.
 *
 * Null when the model has no known price, when it was reached over a custom connection (its
 * operator sets the price), or when the vendor left out the token counts.
 */
export function priceUsage(ref: ModelRef, usage: Usage, at: Date = new Date()): Price {
  if (usage.reportedCostUsd !== undefined) {
    return { costUsd: usage.reportedCostUsd, source: ref.provider === "scripted" ? "scripted" : "reported" };
  }
  const { input, output } = usage;
  if (ref.connection !== undefined || input.total === undefined || output.total === undefined) return unknownPrice;
  const found = lookUp(
    ref,
    {
      input_tokens: input.total,
      output_tokens: output.total,
      cache_read_tokens: input.cacheRead,
      cache_write_tokens: sum(input.cacheWrite5m, input.cacheWrite1h),
      cache_write_1h_tokens: input.cacheWrite1h,
    },
    at,
  );
  return found === undefined ? unknownPrice : { costUsd: found.total_price, source: "table" };
}
