// The provider seam: what a model vendor's adapter must speak. Types only; the vendors' own
// words (SDK types, wire names) never leave their folder. Everything that is stored (messages,
// usage) is plain JSON.
import type { ProviderError } from "./provider-error.ts";

/** Wire formats. A wire is apart from a vendor: several vendors share `openai.chat`. */
export type Wire =
  | "openai.responses"
  | "openai.chat"
  | "anthropic.messages"
  | "gemini.generate"
  | "bedrock.converse"
  | "mistral.chat"
  | "ollama.chat"
  | "scripted";

/** Names a model: `provider/modelId`, and over which connection and wire it is reached. */
export type ModelRef = {
  provider: string;
  modelId: string;
  /** Tenant-scoped connection when one vendor is connected more than once. */
  connection?: string;
  wire?: Wire;
};

/** What a model can do, from a table, never from probing with failing requests. */
export type Capabilities = {
  tools: boolean;
  parallelTools: boolean;
  strictTools: boolean;
  jsonSchema: boolean;
  vision: boolean;
  audio: boolean;
  pdf: boolean;
  reasoning: "none" | "effort" | "budget" | "adaptive";
  /** Whether temperature and topP are accepted; when false they are dropped with a warning. */
  sampling: boolean;
  cache: "none" | "automatic" | "keyed" | "breakpoint" | "resource";
  /** Size of embeddings the model can make; absent = not an embedding model. */
  embeddingDims?: number[];
  /** Tokens; absent = unknown. */
  contextTokens?: number;
  /** Tokens; absent = unknown. */
  maxOutputTokens?: number;
};

/** Opaque vendor state that goes back unchanged, and only to the wire that made it. */
export type Carry = { wire: Wire; modelId: string; data: unknown };

export type TextPart = {
  type: "text";
  text: string;
  /** The conversation up to here is stable: a good place for a cache breakpoint. */
  cacheHint?: true;
};
export type MediaPart = {
  type: "media";
  mimeType: string;
  source: { kind: "base64"; data: string } | { kind: "url"; url: string } | { kind: "file"; id: string };
};
export type ReasoningPart = { type: "reasoning"; text: string; carry?: Carry };
export type ToolCallPart = {
  type: "toolCall";
  /** Unique within the conversation; the tool result names it. */
  id: string;
  name: string;
  /** Arguments exactly as the model wrote them. */
  rawJson: string;
  /** Parsed arguments. */
  input?: unknown;
  carry?: Carry;
};
export type ToolResultPart = {
  type: "toolResult";
  callId: string;
  name: string;
  output: { kind: "text"; text: string } | { kind: "json"; value: unknown };
  isError: boolean;
};
export type RefusalPart = { type: "refusal"; text: string };
/** A vendor's own kind of part; ignored by other wires. */
export type CustomPart = { type: "custom"; wire: Wire; data: unknown };

export type SystemMessage = { role: "system"; parts: TextPart[] };
export type UserMessage = { role: "user"; parts: (TextPart | MediaPart)[] };
export type AssistantPart = TextPart | ReasoningPart | ToolCallPart | RefusalPart | CustomPart;
export type AssistantMessage = { role: "assistant"; parts: AssistantPart[] };
/** Answers to every tool call of the assistant message before it. */
export type ToolMessage = { role: "tool"; parts: ToolResultPart[] };
export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;
export type Part = TextPart | MediaPart | ReasoningPart | ToolCallPart | ToolResultPart | RefusalPart | CustomPart;

/** JSON Schema as plain data. */
export type JsonSchema = { [key: string]: unknown };

export type ToolDefinition = {
  name: string;
  description: string;
  inputSchema: JsonSchema;
  /** Ask the vendor to enforce the schema where it can; the schema must then fit its subset. */
  strict?: boolean;
};

export type ToolChoice = "auto" | "none" | "required" | { name: string };

export type OutputFormat =
  | { type: "text" }
  /** `strict` asks the vendor to enforce the schema. Its text is still checked by the caller. */
  | { type: "json"; name: string; schema: JsonSchema; strict?: boolean };

export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

/** Who asks, for tracing and the scripted provider. Never sent unless an adapter maps it. */
export type RequestMetadata = {
  tenantId: string;
  planId: string;
  stepId: string;
  agent: string;
  /** Tags of the agent's profile, for traces and cost records. */
  tags?: readonly string[];
  /** 1-based model turn of the step. */
  turn: number;
  /** 1-based: how often this very turn has been requested. */
  requestAttempt: number;
};

/** Milliseconds. A missing figure means the default of `timeoutDefaults`. */
export type Timeouts = {
  /** Until response headers arrive. */
  connectMs?: number;
  /** From response headers to the first block or tool call. */
  firstTokenMs?: number;
  /** Between two events after the first token. */
  idleMs?: number;
  /** Between two events that carry a part of the answer; signs of life alone do not hold it off. */
  progressMs?: number;
  /** The whole call. */
  totalMs?: number;
};

export type ModelRequest = {
  /** Model id without the provider's name. */
  modelId: string;
  messages: Message[];
  tools?: ToolDefinition[];
  toolChoice?: ToolChoice;
  /** Default true where the model can. */
  parallelToolCalls?: boolean;
  output?: OutputFormat;
  maxOutputTokens?: number;
  stop?: string[];
  temperature?: number;
  topP?: number;
  seed?: number;
  reasoning?: { effort?: ReasoningEffort; budgetTokens?: number };
  /** Present = cache the stable prefix where the vendor needs to be told. */
  cache?: { key?: string; ttl?: "5m" | "1h" };
  serviceTier?: string;
  metadata: RequestMetadata;
  signal?: AbortSignal;
  timeouts?: Timeouts;
  /** Extra body fields by wire; an escape hatch for vendor features. */
  providerOptions?: Partial<Record<Wire, Record<string, unknown>>>;
};

/**
 * Token counts. A missing figure is unknown, never 0. Where all are known,
 * `input.total = uncached + cacheRead + cacheWrite5m + cacheWrite1h` and `output.total >= reasoning`.
 */
export type Usage = {
  input: {
    total?: number;
    uncached?: number;
    cacheRead?: number;
    cacheWrite5m?: number;
    cacheWrite1h?: number;
  };
  output: { total?: number; reasoning?: number };
  /** Cost the vendor itself reported. */
  reportedCostUsd?: number;
};

export type FinishReason =
  | "stop"
  | "length"
  | "toolCalls"
  | "contentFilter"
  | "refusal"
  | "pause"
  | "contextExceeded"
  | "error";

export type BlockKind = "text" | "reasoning" | "toolInput";

/**
 * One event of a model's answer.
 *
 * Rules: `start` comes first, when response headers have arrived; exactly one terminal event
 * (`finish` or `error`) comes last; the iterable itself does not throw. `toolCall` is sent only
 * for a call whose arguments arrived whole; a cut one is never executed. `usage` is cumulative:
 * the last one counts.
 */
export type StreamEvent =
  | { type: "start"; warnings: string[] }
  | { type: "meta"; responseId?: string; servedModel?: string; requestId?: string }
  /** `toolInput` blocks carry the call's id and name. */
  | { type: "blockStart"; blockId: string; kind: BlockKind; callId?: string; toolName?: string }
  | { type: "blockDelta"; blockId: string; kind: BlockKind; text: string }
  /** `refusal` marks a text block that is a refusal; `carry` belongs to a reasoning block. */
  | { type: "blockEnd"; blockId: string; kind: BlockKind; carry?: Carry; refusal?: true }
  | { type: "toolCall"; blockId: string; call: ToolCallPart }
  | { type: "usage"; usage: Usage }
  /** The vendor is alive but has nothing to say; resets the idle timer. */
  | { type: "heartbeat" }
  | { type: "finish"; reason: FinishReason; raw?: string }
  | { type: "error"; error: ProviderError };

/** One connected vendor. Credentials and base URL are fixed when it is made. */
export type ModelProvider = {
  /** Vendor id: `openai`, `anthropic`, `scripted`. */
  readonly id: string;
  /**
   * Asks the model once: no retry happens inside. Ending the iteration early or aborting
   * `request.signal` aborts the call; an abort ends the stream with an error of kind `cancelled`.
   */
  stream(request: ModelRequest): AsyncIterable<StreamEvent>;
  capabilities(modelId: string): Capabilities;
};
