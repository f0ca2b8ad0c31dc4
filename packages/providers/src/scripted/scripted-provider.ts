// The scripted model: answers from a file, for tests, demos and offline trials. It is shipped,
// and always says that it is scripted.
import { ProviderError } from "../provider-error.ts";
import type { Capabilities, ModelProvider, ModelRequest, StreamEvent } from "../spec.ts";
import { appendRequestLog } from "./request-log.ts";
import { resolveReply } from "./resolve-reply.ts";
import type { ScriptFile } from "./script-file.ts";
import { streamReply } from "./stream-reply.ts";

export type ScriptedProviderOptions = {
  script: ScriptFile;
  /** File that gets a line when a request starts and one when it was completely delivered. */
  requestLog?: string | undefined;
};

/** What a model can do whose answers are written down before. */
export const scriptedCapabilities: Capabilities = {
  tools: true,
  parallelTools: true,
  strictTools: false,
  jsonSchema: true,
  vision: false,
  audio: false,
  pdf: false,
  reasoning: "none",
  sampling: true,
  cache: "none",
};

function noReply(request: ModelRequest): ProviderError {
  const { agent, stepId, turn } = request.metadata;
  const where = `agent ${agent}, step ${stepId}, turn ${turn}`;
  return new ProviderError("badRequest", `The scripted model has no reply for ${where}.`, {
    provider: "scripted",
    next: `Add a reply that matches ${where}, or a fallback, to the scripted model's file.`,
  });
}

async function* streamScripted(options: ScriptedProviderOptions, request: ModelRequest): AsyncGenerator<StreamEvent> {
  const { script, requestLog } = options;
  if (requestLog !== undefined) appendRequestLog(requestLog, "request.started", request.metadata);
  const reply = resolveReply(script, request);
  if (reply === undefined) {
    yield { type: "error", error: noReply(request) };
    return;
  }
  let isDelivered = false;
  try {
    for await (const event of streamReply(reply, request)) {
      yield event;
      isDelivered = event.type === "finish";
    }
  } catch (error) {
    if (request.signal?.aborted !== true) throw error;
    yield {
      type: "error",
      error: new ProviderError("cancelled", "The model call was cancelled.", { provider: "scripted" }),
    };
  }
  if (isDelivered && requestLog !== undefined) appendRequestLog(requestLog, "request.delivered", request.metadata);
}

/** Makes the scripted provider. Its replies depend on nothing but the request. */
export function createScriptedProvider(options: ScriptedProviderOptions): ModelProvider {
  const { contextTokens } = options.script;
  return {
    id: "scripted",
    stream: (request) => streamScripted(options, request),
    capabilities: () =>
      contextTokens === undefined ? scriptedCapabilities : { ...scriptedCapabilities, contextTokens },
  };
}
