// OpenAI and servers that speak its wires, over the official SDK. Credentials and addresses are
// passed in; nothing is read from the environment.
import OpenAI from "openai";

import { incompleteAnswer, keysOf } from "../http-error.ts";
import { providerLimits } from "../limits.ts";
import { ProviderError } from "../provider-error.ts";
import type { ModelProvider, ModelRef, ModelRequest, StreamEvent } from "../spec.ts";
import { openaiCapabilities } from "./openai-capabilities.ts";
import { mapOpenAIError } from "./openai-error.ts";
import { prepareChat, prepareResponses } from "./prepare-request.ts";
import { streamChat } from "./stream-chat.ts";
import { streamResponses } from "./stream-responses.ts";

const openaiBaseUrl = "https://api.openai.com/v1";

export type OpenAIProviderOptions = {
  /** Absent only for servers that want none. */
  apiKey?: string | undefined;
  baseUrl?: string | undefined;
  wire: "openai.responses" | "openai.chat";
  /** Set when the base URL is not the vendor's own: prices and special features are then unknown. */
  connection?: string | undefined;
  /** Keys that no error may quote; the one above when absent. */
  secrets?: readonly string[] | undefined;
  now?: (() => Date) | undefined;
};

function createClient(options: OpenAIProviderOptions): OpenAI {
  return new OpenAI({
    // The SDK demands some key; the header is taken out again below.
    apiKey: options.apiKey ?? "none",
    ...(options.apiKey === undefined ? { defaultHeaders: { Authorization: null } } : {}),
    baseURL: options.baseUrl ?? openaiBaseUrl,
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    maxRetries: 0,
    timeout: providerLimits.sdkTimeoutMs,
    // The SDK's log lines may hold bodies.
    logLevel: "off",
  });
}

type Started = {
  events: AsyncIterable<StreamEvent>;
  requestId: string | null;
  contentType: string | null;
  warnings: string[];
};

/** Makes the provider `openai` for one connection. */
export function createOpenAIProvider(options: OpenAIProviderOptions): ModelProvider {
  const client = createClient(options);
  const host = new URL(options.baseUrl ?? openaiBaseUrl).host;
  const secrets = options.secrets ?? keysOf(options.apiKey);
  const now = options.now ?? (() => new Date());
  const refOf = (modelId: string): ModelRef => ({
    provider: "openai",
    modelId,
    wire: options.wire,
    ...(options.connection === undefined ? {} : { connection: options.connection }),
  });
  const capabilities = (modelId: string) => openaiCapabilities(refOf(modelId), now());

  async function start(request: ModelRequest): Promise<Started> {
    const signal = request.signal ?? null;
    if (options.wire === "openai.responses") {
      const { body, warnings } = prepareResponses(request, capabilities(request.modelId));
      const answer = await client.responses.create(body, { signal }).withResponse();
      return {
        events: streamResponses(answer.data, { modelId: request.modelId, secrets }),
        ...headOf(answer),
        warnings,
      };
    }
    const { body, warnings } = prepareChat(request, capabilities(request.modelId));
    const answer = await client.chat.completions.create(body, { signal }).withResponse();
    return { events: streamChat(answer.data), ...headOf(answer), warnings };
  }

  async function* stream(request: ModelRequest): AsyncGenerator<StreamEvent> {
    let isDone = false;
    try {
      const { events, requestId, contentType, warnings } = await start(request);
      yield { type: "start", warnings };
      if (requestId !== null) yield { type: "meta", requestId };
      for await (const event of events) {
        isDone ||= event.type === "finish" || event.type === "error";
        yield event;
      }
      if (!isDone) yield { type: "error", error: endedEarly(request, host, contentType) };
    } catch (thrown) {
      if (!isDone) yield { type: "error", error: mapOpenAIError(thrown, { host, secrets }) };
    }
  }

  return { id: "openai", stream, capabilities };
}

function headOf(answer: { response: Response; request_id: string | null }) {
  return { requestId: answer.request_id, contentType: answer.response.headers.get("content-type") };
}

/** The SDK ends its iteration quietly on an abort as well as on a stream without an end. */
function endedEarly(request: ModelRequest, host: string, contentType: string | null): ProviderError {
  return request.signal?.aborted === true
    ? new ProviderError("cancelled", "The model call was cancelled.", { provider: "openai" })
    : incompleteAnswer("openai", host, contentType);
}
