// Public names of the providers package.
export { collectTurn } from "./collect-turn.ts";
export type { CollectTurnOptions, ModelTurn } from "./collect-turn.ts";
export { ProviderError } from "./provider-error.ts";
export type { ErrorPhase, ErrorScope, ProviderErrorFields, ProviderErrorKind, TimeoutPhase } from "./provider-error.ts";
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
  ProviderCheck,
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
