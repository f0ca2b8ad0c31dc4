// Public names of the providers package.
export { createAnthropicProvider } from "./anthropic/anthropic-provider.ts";
export type { AnthropicProviderOptions } from "./anthropic/anthropic-provider.ts";
export { collectTurn } from "./collect-turn.ts";
export type { CollectTurnOptions, ModelTurn } from "./collect-turn.ts";
export type { ProviderEnv } from "./connection.ts";
export { providerLimits, timeoutDefaults } from "./limits.ts";
export { parseModelName } from "./model-name.ts";
export type { ModelName } from "./model-name.ts";
export { createOpenAIProvider } from "./openai/openai-provider.ts";
export type { OpenAIProviderOptions } from "./openai/openai-provider.ts";
export { defaultModels, pickModel } from "./pick-model.ts";
export type { PickedModel } from "./pick-model.ts";
export { priceUsage } from "./price.ts";
export type { Price, PriceSource } from "./price.ts";
export { ProviderError } from "./provider-error.ts";
export type { ErrorPhase, ErrorScope, ProviderErrorFields, ProviderErrorKind, TimeoutPhase } from "./provider-error.ts";
export { resolveProvider } from "./registry.ts";
export { checkVendor, routeModel } from "./route-model.ts";
export type { ResolveOptions, ResolvedModel } from "./registry.ts";
export { parseScript } from "./scripted/script-file.ts";
export type { RequestLogLine } from "./scripted/request-log.ts";
export type { ScriptFile, ScriptedReply } from "./scripted/script-file.ts";
export { createScriptedProvider, scriptedCapabilities } from "./scripted/scripted-provider.ts";
export type { ScriptedProviderOptions } from "./scripted/scripted-provider.ts";
export type {
  AssistantMessage,
  AssistantPart,
  BlockKind,
  Capabilities,
  Carry,
  CustomPart,
  FinishReason,
  JsonSchema,
  MediaPart,
  Message,
  ModelProvider,
  ModelRef,
  ModelRequest,
  OutputFormat,
  Part,
  ReasoningEffort,
  ReasoningPart,
  RefusalPart,
  RequestMetadata,
  StreamEvent,
  SystemMessage,
  TextPart,
  Timeouts,
  ToolCallPart,
  ToolChoice,
  ToolDefinition,
  ToolMessage,
  ToolResultPart,
  Usage,
  UserMessage,
  Wire,
} from "./spec.ts";
export { withTimeouts } from "./with-timeouts.ts";
