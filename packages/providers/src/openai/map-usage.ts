// OpenAI counts: the input figure includes cache reads and writes, the output figure reasoning.
import type { Usage } from "../spec.ts";

type InputDetails = { cached_tokens?: number | null; cache_write_tokens?: number | null } | null | undefined;
type OutputDetails = { reasoning_tokens?: number | null } | null | undefined;

type Counts = {
  input?: number | null | undefined;
  inputDetails?: InputDetails;
  output?: number | null | undefined;
  outputDetails?: OutputDetails;
  /** US dollars; OpenRouter says it. */
  cost?: unknown;
};

function toUsage(counts: Counts): Usage {
  const total = counts.input ?? undefined;
  const cacheRead = counts.inputDetails?.cached_tokens ?? undefined;
  const cacheWrite = counts.inputDetails?.cache_write_tokens ?? undefined;
  const outputTotal = counts.output ?? undefined;
  const reasoning = counts.outputDetails?.reasoning_tokens ?? undefined;
  const hasUncached = total !== undefined && cacheRead !== undefined;
  return {
    input: {
      ...(total === undefined ? {} : { total }),
      ...(hasUncached ? { uncached: Math.max(0, total - cacheRead - (cacheWrite ?? 0)) } : {}),
      ...(cacheRead === undefined ? {} : { cacheRead }),
      ...(cacheWrite === undefined ? {} : { cacheWrite5m: cacheWrite }),
    },
    output: {
      ...(outputTotal === undefined ? {} : { total: outputTotal }),
      ...(reasoning === undefined ? {} : { reasoning }),
    },
    ...(typeof counts.cost === "number" ? { reportedCostUsd: counts.cost } : {}),
  };
}

/** Usage of the Responses wire. Fields may be missing: servers other than OpenAI's speak it too. */
export function mapResponsesUsage(usage: {
  input_tokens?: number | null;
  input_tokens_details?: InputDetails;
  output_tokens?: number | null;
  output_tokens_details?: OutputDetails;
}): Usage {
  return toUsage({
    input: usage.input_tokens,
    inputDetails: usage.input_tokens_details,
    output: usage.output_tokens,
    outputDetails: usage.output_tokens_details,
  });
}

/** Usage of the Chat Completions wire. */
export function mapChatUsage(usage: {
  prompt_tokens?: number | null;
  prompt_tokens_details?: InputDetails;
  completion_tokens?: number | null;
  completion_tokens_details?: OutputDetails;
  cost?: unknown;
}): Usage {
  return toUsage({
    input: usage.prompt_tokens,
    inputDetails: usage.prompt_tokens_details,
    output: usage.completion_tokens,
    outputDetails: usage.completion_tokens_details,
    cost: usage.cost,
  });
}
