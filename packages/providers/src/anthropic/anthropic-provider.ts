// Anthropic over the official SDK. Credential and address are passed in; the SDK's own spans
// and retries are off: tracing and the retry policy are ours.
import { Anthropic } from "@anthropic-ai/sdk";
import { Stream } from "@anthropic-ai/sdk/core/streaming";

import { incompleteAnswer, keysOf } from "../http-error.ts";
import { providerLimits } from "../limits.ts";
import { ProviderError } from "../provider-error.ts";
import type { ModelProvider, ModelRef, ModelRequest, StreamEvent } from "../spec.ts";
import { anthropicCapabilities } from "./anthropic-capabilities.ts";
import { mapAnthropicError } from "./anthropic-error.ts";
import { prepareMessages } from "./prepare-request.ts";
import { streamMessages } from "./stream-messages.ts";

const anthropicBaseUrl = "https://api.anthropic.com";

export type AnthropicProviderOptions = {
  /** Absent only for servers that want none. */
  apiKey?: string | undefined;
  baseUrl?: string | undefined;
  /** Set when the base URL is not the vendor's own: prices are then unknown. */
  connection?: string | undefined;
  /** Keys that no error may quote; the one above when absent. */
  secrets?: readonly string[] | undefined;
  now?: (() => Date) | undefined;
};

function createClient(options: AnthropicProviderOptions): Anthropic {
  return new Anthropic({
    apiKey: options.apiKey ?? "none",
    ...(options.apiKey === undefined ? { defaultHeaders: { Authorization: null } } : {}),
    baseURL: options.baseUrl ?? anthropicBaseUrl,
    webhookKey: null,
    maxRetries: 0,
    timeout: providerLimits.sdkTimeoutMs,
    openTelemetry: false,
    // The SDK's log lines may hold bodies.
    logLevel: "off",
  });
}

/** Makes the provider `anthropic` for one connection. */
export function createAnthropicProvider(options: AnthropicProviderOptions): ModelProvider {
  const client = createClient(options);
  const host = new URL(options.baseUrl ?? anthropicBaseUrl).host;
  const secrets = options.secrets ?? keysOf(options.apiKey);
  const now = options.now ?? (() => new Date());
  const refOf = (modelId: string): ModelRef => ({
    provider: "anthropic",
    modelId,
    wire: "anthropic.messages",
    ...(options.connection === undefined ? {} : { connection: options.connection }),
  });
  const capabilities = (modelId: string) => anthropicCapabilities(refOf(modelId), now());

  async function* stream(request: ModelRequest): AsyncGenerator<StreamEvent> {
    const abort = new AbortController();
    const signal = request.signal === undefined ? abort.signal : AbortSignal.any([request.signal, abort.signal]);
    let isDone = false;
    try {
      const { body, warnings } = prepareMessages(request, capabilities(request.modelId));
      const response = await client.messages.create(body, { signal }).asResponse();
      yield { type: "start", warnings };
      const requestId = response.headers.get("request-id");
      if (requestId !== null) yield { type: "meta", requestId };
      for await (const event of streamMessages(Stream.rawEvents(response, abort), {
        modelId: request.modelId,
        secrets,
      })) {
        isDone ||= event.type === "finish" || event.type === "error";
        yield event;
      }
      if (!isDone) yield { type: "error", error: endedEarly(request, host, response.headers.get("content-type")) };
    } catch (thrown) {
      if (!isDone) yield { type: "error", error: mapAnthropicError(thrown, { host, secrets }) };
    } finally {
      abort.abort();
    }
  }

  return { id: "anthropic", stream, capabilities };
}

function endedEarly(request: ModelRequest, host: string, contentType: string | null): ProviderError {
  return request.signal?.aborted === true
    ? new ProviderError("cancelled", "The model call was cancelled.", { provider: "anthropic" })
    : incompleteAnswer("anthropic", host, contentType);
}
