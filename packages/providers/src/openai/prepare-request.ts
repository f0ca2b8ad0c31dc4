// Request bodies of OpenAI's two wires. What the model cannot take is dropped with a warning.
import type OpenAI from "openai";

import { warnDropped } from "../drop-warnings.ts";
import type { Capabilities, ModelRequest } from "../spec.ts";
import { toChatMessages, toResponsesInput } from "./convert-messages.ts";

type ResponsesBody = OpenAI.Responses.ResponseCreateParamsStreaming;
type ChatBody = OpenAI.Chat.ChatCompletionCreateParamsStreaming;
export type Prepared<Body> = { body: Body; warnings: string[] };

const noSampling = "the model takes no sampling parameters";

function responsesTools(request: ModelRequest): Partial<ResponsesBody> {
  const { tools, toolChoice, parallelToolCalls } = request;
  if (tools === undefined || tools.length === 0) return {};
  return {
    tools: tools.map((tool) => ({
      type: "function",
      name: tool.name,
      description: tool.description,
      parameters: tool.inputSchema,
      strict: tool.strict ?? false,
    })),
    ...(toolChoice === undefined
      ? {}
      : { tool_choice: typeof toolChoice === "string" ? toolChoice : { type: "function", name: toolChoice.name } }),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

function sampling(request: ModelRequest, capabilities: Capabilities): { temperature?: number; top_p?: number } {
  if (!capabilities.sampling) return {};
  return {
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
  };
}

function commonWarnings(request: ModelRequest, capabilities: Capabilities): string[] {
  return [
    ...(capabilities.sampling ? [] : warnDropped(request, ["temperature", "topP"], noSampling)),
    ...(capabilities.reasoning === "none" ? warnDropped(request, ["reasoning"], "the model does not reason") : []),
  ];
}

/** Body of a Responses call. Nothing is stored at the vendor; reasoning state travels encrypted. */
export function prepareResponses(request: ModelRequest, capabilities: Capabilities): Prepared<ResponsesBody> {
  const { output, reasoning, cache } = request;
  const canReason = capabilities.reasoning !== "none";
  const body: ResponsesBody = {
    model: request.modelId,
    input: toResponsesInput(request.messages, request.modelId),
    stream: true,
    store: false,
    ...(canReason ? { include: ["reasoning.encrypted_content"] } : {}),
    ...(canReason && reasoning?.effort !== undefined ? { reasoning: { effort: reasoning.effort } } : {}),
    ...responsesTools(request),
    ...sampling(request, capabilities),
    ...(request.maxOutputTokens === undefined ? {} : { max_output_tokens: request.maxOutputTokens }),
    ...(cache?.key === undefined ? {} : { prompt_cache_key: cache.key }),
    ...(output?.type === "json"
      ? {
          text: {
            format: {
              type: "json_schema",
              name: output.name,
              schema: output.schema,
              strict: output.strict ?? false,
            },
          },
        }
      : {}),
    ...(request.providerOptions?.["openai.responses"] as Partial<ResponsesBody>),
  };
  const warnings = [
    ...commonWarnings(request, capabilities),
    ...warnDropped(request, ["stop", "seed"], "the Responses API has no such parameter"),
  ];
  return { body, warnings };
}

function chatTools(request: ModelRequest): Partial<ChatBody> {
  const { tools, toolChoice, parallelToolCalls } = request;
  if (tools === undefined || tools.length === 0) return {};
  return {
    tools: tools.map((tool) => ({
      type: "function",
      function: {
        name: tool.name,
        description: tool.description,
        parameters: tool.inputSchema,
        ...(tool.strict === undefined ? {} : { strict: tool.strict }),
      },
    })),
    ...(toolChoice === undefined
      ? {}
      : {
          tool_choice:
            typeof toolChoice === "string" ? toolChoice : { type: "function", function: { name: toolChoice.name } },
        }),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

function chatLimit(request: ModelRequest, capabilities: Capabilities): Partial<ChatBody> {
  if (request.maxOutputTokens === undefined) return {};
  // Reasoning models refuse the old name, many compatible servers know only that one.
  return capabilities.reasoning === "none"
    ? { max_tokens: request.maxOutputTokens }
    : { max_completion_tokens: request.maxOutputTokens };
}

/** Body of a Chat Completions call, kept to what compatible servers understand. */
export function prepareChat(request: ModelRequest, capabilities: Capabilities): Prepared<ChatBody> {
  const { output, reasoning, stop, seed } = request;
  const body: ChatBody = {
    model: request.modelId,
    messages: toChatMessages(request.messages),
    stream: true,
    stream_options: { include_usage: true },
    ...(capabilities.reasoning !== "none" && reasoning?.effort !== undefined
      ? { reasoning_effort: reasoning.effort }
      : {}),
    ...chatTools(request),
    ...sampling(request, capabilities),
    ...chatLimit(request, capabilities),
    ...(stop === undefined ? {} : { stop }),
    ...(seed === undefined ? {} : { seed }),
    ...(output?.type === "json"
      ? {
          response_format: {
            type: "json_schema",
            json_schema: { name: output.name, schema: output.schema, strict: output.strict ?? false },
          },
        }
      : {}),
    ...(request.providerOptions?.["openai.chat"] as Partial<ChatBody>),
  };
  return { body, warnings: commonWarnings(request, capabilities) };
}
