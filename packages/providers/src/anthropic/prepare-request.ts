// The body of a Messages call. What the API version refuses is dropped with a warning.
import type { Anthropic } from "@anthropic-ai/sdk";

import { warnDropped } from "../drop-warnings.ts";
import { providerLimits } from "../limits.ts";
import type { Capabilities, ModelRequest, ReasoningEffort } from "../spec.ts";
import { toAnthropicMessages } from "./convert-messages.ts";
import type { ConvertedMessages } from "./convert-messages.ts";

type Body = Anthropic.MessageCreateParamsStreaming;
type Effort = "low" | "medium" | "high" | "xhigh" | "max";

/** The API allows four cache breakpoints a request. */
const maxBreakpoints = 4;

const effortNames: Readonly<Record<Exclude<ReasoningEffort, "none">, Effort>> = {
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "xhigh",
  max: "max",
};

/** Tokens of thinking for models that want a budget instead of an effort; 1024 is their least. */
const effortBudgets: Readonly<Record<Effort, number>> = {
  low: 1_024,
  medium: 4_096,
  high: 8_192,
  xhigh: 16_384,
  max: 32_768,
};

function markCache(converted: ConvertedMessages, tools: Anthropic.Tool[], request: ModelRequest): void {
  if (request.cache === undefined) return;
  const { ttl } = request.cache;
  const cache_control = { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } as const;
  const lastTurn = converted.messages.at(-1);
  const candidates = [
    converted.system.at(-1) ?? tools.at(-1),
    lastTurn?.role === "user" ? lastTurn.content.at(-1) : undefined,
    ...converted.hinted.toReversed(),
  ].filter((block) => block !== undefined);
  for (const block of [...new Set<object>(candidates)].slice(0, maxBreakpoints)) {
    Object.assign(block, { cache_control });
  }
}

function convertTools(request: ModelRequest): Anthropic.Tool[] {
  return (request.tools ?? []).map((tool) => ({
    name: tool.name,
    description: tool.description,
    input_schema: { ...tool.inputSchema, type: "object" },
    ...(tool.strict === undefined ? {} : { strict: tool.strict }),
  }));
}

function convertToolChoice(request: ModelRequest): Anthropic.ToolChoice | undefined {
  const { toolChoice = "auto", parallelToolCalls } = request;
  const serial = parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  if (typeof toolChoice !== "string") return { type: "tool", name: toolChoice.name, ...serial };
  if (toolChoice === "required") return { type: "any", ...serial };
  if (toolChoice === "none") return { type: "none" };
  return parallelToolCalls === false ? { type: "auto", ...serial } : undefined;
}

type Thinking = { fields: Partial<Body>; effort?: Effort; warnings: string[] };

function convertReasoning(request: ModelRequest, capabilities: Capabilities): Thinking {
  const { reasoning, toolChoice } = request;
  if (reasoning === undefined) return { fields: {}, warnings: [] };
  if (capabilities.reasoning === "none") {
    return { fields: {}, warnings: warnDropped(request, ["reasoning"], "the model does not reason") };
  }
  if (reasoning.effort === "none") return { fields: { thinking: { type: "disabled" } }, warnings: [] };
  if (toolChoice === "required" || typeof toolChoice === "object") {
    return { fields: {}, warnings: warnDropped(request, ["reasoning"], "a forced tool call excludes thinking") };
  }
  const effort = effortNames[reasoning.effort ?? "medium"];
  if (capabilities.reasoning === "budget") {
    const budget = Math.max(reasoning.budgetTokens ?? effortBudgets[effort], effortBudgets.low);
    return { fields: { thinking: { type: "enabled", budget_tokens: budget } }, warnings: [] };
  }
  return { fields: { thinking: { type: "adaptive" } }, effort, warnings: [] };
}

/** `max_tokens` counts thinking too, so a budget is added on top of what the caller wants to read. */
function maxTokens(request: ModelRequest, thinking: Thinking): number {
  const wanted = request.maxOutputTokens ?? providerLimits.defaultMaxOutputTokens;
  const { thinking: config } = thinking.fields;
  return config?.type === "enabled" ? wanted + config.budget_tokens : wanted;
}

function warnings(request: ModelRequest, thinking: Thinking): string[] {
  return [
    ...warnDropped(request, ["temperature", "topP"], "Anthropic's API takes no sampling parameters"),
    ...warnDropped(request, ["seed"], "Anthropic's API has no such parameter"),
    ...thinking.warnings,
  ];
}

/** Builds the body of a streamed Messages call. */
export function prepareMessages(request: ModelRequest, capabilities: Capabilities): { body: Body; warnings: string[] } {
  const converted = toAnthropicMessages(request.messages, request.modelId);
  const tools = convertTools(request);
  markCache(converted, tools, request);
  const toolChoice = tools.length === 0 ? undefined : convertToolChoice(request);
  const thinking = convertReasoning(request, capabilities);
  const format = request.output?.type === "json" ? { type: "json_schema", schema: request.output.schema } : undefined;
  const outputConfig = {
    ...(format === undefined ? {} : { format }),
    ...(thinking.effort === undefined ? {} : { effort: thinking.effort }),
  } as Anthropic.OutputConfig;
  const body: Body = {
    model: request.modelId,
    max_tokens: maxTokens(request, thinking),
    stream: true,
    ...(converted.system.length === 0 ? {} : { system: converted.system }),
    messages: converted.messages,
    ...(tools.length === 0 ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { tool_choice: toolChoice }),
    ...(request.stop === undefined ? {} : { stop_sequences: request.stop }),
    ...thinking.fields,
    ...(Object.keys(outputConfig).length === 0 ? {} : { output_config: outputConfig }),
    ...(request.providerOptions?.["anthropic.messages"] as Partial<Body>),
  };
  return { body, warnings: warnings(request, thinking) };
}
