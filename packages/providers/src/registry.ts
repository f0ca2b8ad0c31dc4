// From a model's name to a provider that can be asked. A new vendor adds a folder and a case here.
import { createAnthropicProvider } from "./anthropic/anthropic-provider.ts";
import { findConnection } from "./connection.ts";
import type { ProviderEnv } from "./connection.ts";
import { keysOf } from "./http-error.ts";
import { parseModelName } from "./model-name.ts";
import { createOpenAIProvider } from "./openai/openai-provider.ts";
import { parseScript } from "./scripted/script-file.ts";
import { createScriptedProvider } from "./scripted/scripted-provider.ts";
import type { ModelProvider, ModelRef } from "./spec.ts";
import { withTimeouts } from "./with-timeouts.ts";

export type ResolveOptions = {
  env: ProviderEnv;
  /** Reads a scripted model's file. */
  readFile: (path: string) => Promise<string>;
  /** See {@link createScriptedProvider}. */
  requestLog?: string | undefined;
  now?: (() => Date) | undefined;
};

export type ResolvedModel = {
  provider: ModelProvider;
  modelId: string;
  /** For {@link priceUsage}. */
  ref: ModelRef;
  scripted: boolean;
  /** What the script file says of itself, for the evidence of a run. */
  notice?: string;
};

async function resolveScripted(path: string, modelId: string, options: ResolveOptions): Promise<ResolvedModel> {
  const script = parseScript(path, await options.readFile(path));
  const provider = withTimeouts(createScriptedProvider({ script, requestLog: options.requestLog }));
  return {
    provider,
    modelId,
    ref: { provider: "scripted", modelId, wire: "scripted" },
    scripted: true,
    ...(script.notice === undefined ? {} : { notice: script.notice }),
  };
}

/**
 * Makes the provider a model's name asks for, with timers and stream rules enforced.
 *
 * @throws AgentError invalid_input for an unknown name, a missing key, an unsafe base URL or a
 * broken script file.
 */
export async function resolveProvider(name: string, options: ResolveOptions): Promise<ResolvedModel> {
  const parsed = parseModelName(name);
  if (parsed.provider === "scripted") return resolveScripted(parsed.path, parsed.modelId, options);
  const { modelId } = parsed;
  const connection = findConnection(parsed.provider, options.env);
  const { apiKey, baseUrl, wire } = connection;
  const custom = baseUrl === undefined ? {} : { connection: connection.host };
  // Also the keys of other vendors: a server between may know and quote them.
  const secrets = keysOf(options.env.OPENAI_API_KEY, options.env.ANTHROPIC_API_KEY);
  const common = { apiKey, baseUrl, secrets, now: options.now, ...custom };
  const provider =
    parsed.provider === "anthropic"
      ? createAnthropicProvider(common)
      : createOpenAIProvider({ ...common, wire: wire === "openai.chat" ? wire : "openai.responses" });
  return {
    provider: withTimeouts(provider),
    modelId,
    ref: { provider: parsed.provider, modelId, wire, ...custom },
    scripted: false,
  };
}
