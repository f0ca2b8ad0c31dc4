// The invariants of Usage hold on every wire, for whatever counts a vendor sends.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { mapAnthropicUsage, mergeUsage } from "./anthropic/map-usage.ts";
import { mapChatUsage, mapResponsesUsage } from "./openai/map-usage.ts";
import type { Usage } from "./spec.ts";

const count = fc.nat({ max: 1_000_000 });
const maybe = fc.option(count, { nil: null });

function check({ input }: Usage): void {
  const { total, uncached, cacheRead, cacheWrite5m, cacheWrite1h } = input;
  if (total !== undefined && uncached !== undefined) {
    expect(uncached + (cacheRead ?? 0) + (cacheWrite5m ?? 0) + (cacheWrite1h ?? 0)).toBe(total);
  }
}

describe("input.total = uncached + reads + writes", () => {
  test("OpenAI, whose total includes the cache", () => {
    fc.assert(
      fc.property(count, count, count, maybe, (uncached, cached_tokens, cache_write_tokens, output) => {
        const input = uncached + cached_tokens + cache_write_tokens;
        const details = { cached_tokens, cache_write_tokens };
        const responses = mapResponsesUsage({
          input_tokens: input,
          input_tokens_details: details,
          output_tokens: output,
        });
        check(responses);
        expect(responses.input.uncached).toBe(uncached);
        expect(responses.output.total).toBe(output ?? undefined);
        check(mapChatUsage({ prompt_tokens: input, prompt_tokens_details: details, completion_tokens: output }));
      }),
    );
  });

  test("Anthropic, whose total excludes it", () => {
    fc.assert(
      fc.property(count, maybe, maybe, (input_tokens, read, write) => {
        const usage = mapAnthropicUsage({
          input_tokens,
          cache_read_input_tokens: read,
          cache_creation_input_tokens: write,
        });
        check(usage);
        expect(usage.input.total).toBe(input_tokens + (read ?? 0) + (write ?? 0));
      }),
    );
  });
});

describe("a missing figure is unknown, not 0", () => {
  test.each<[string, Usage]>([
    ["responses", mapResponsesUsage({})],
    ["chat", mapChatUsage({ prompt_tokens: null })],
    ["anthropic", mapAnthropicUsage({})],
  ])("%s", (_name, usage) => {
    expect(usage).toEqual({ input: {}, output: {} });
  });

  test("a null later figure leaves the earlier one", () => {
    const merged = mergeUsage({ input_tokens: 5, output_tokens: 1 }, { input_tokens: null, output_tokens: 9 });
    expect(merged).toEqual({ input_tokens: 5, output_tokens: 9 });
  });
});
