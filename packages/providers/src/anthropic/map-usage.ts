// Anthropic counts input without cache reads and writes; ours is inclusive. Figures of
// message_delta are cumulative and replace those of message_start.
import type { Usage } from "../spec.ts";

export type AnthropicUsage = {
  input_tokens?: number | null;
  output_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
  cache_creation?: { ephemeral_5m_input_tokens?: number; ephemeral_1h_input_tokens?: number } | null;
  output_tokens_details?: { thinking_tokens?: number } | null;
};

/** Later figures win; a null or absent one leaves the earlier. */
export function mergeUsage(before: AnthropicUsage, after: AnthropicUsage): AnthropicUsage {
  const known = Object.entries(after).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(known) };
}

export function mapAnthropicUsage(usage: AnthropicUsage): Usage {
  const uncached = usage.input_tokens ?? undefined;
  const cacheRead = usage.cache_read_input_tokens ?? undefined;
  // Without the split the writes have the default lifetime of five minutes.
  const write5m = usage.cache_creation?.ephemeral_5m_input_tokens ?? usage.cache_creation_input_tokens ?? undefined;
  const write1h = usage.cache_creation?.ephemeral_1h_input_tokens;
  const output = usage.output_tokens ?? undefined;
  const reasoning = usage.output_tokens_details?.thinking_tokens;
  return {
    input: {
      ...(uncached === undefined
        ? {}
        : { total: uncached + (cacheRead ?? 0) + (write5m ?? 0) + (write1h ?? 0), uncached }),
      ...(cacheRead === undefined ? {} : { cacheRead }),
      ...(write5m === undefined ? {} : { cacheWrite5m: write5m }),
      ...(write1h === undefined ? {} : { cacheWrite1h: write1h }),
    },
    output: {
      ...(output === undefined ? {} : { total: output }),
      ...(reasoning === undefined ? {} : { reasoning }),
    },
  };
}
