// The one place for the names of spans and attributes. Model turns and tools follow the
// GenAI semantic conventions (1.45); what they do not name is `ossaat.*`.

/** Name of the tracer and of the service in traces and logs. */
export const serviceName = "ossaat";

/** Names are of low cardinality: ids are attributes. */
export const spanNames = {
  /** `route` is the template, for example `/plans/{planId}`. */
  request: (method: string, route: string | undefined) => (route === undefined ? method : `${method} ${route}`),
  /** `service` with its package, for example `agent.v1.AgentService`. */
  call: (service: string, method: string) => `${service}/${method}`,
  createPlan: "create_plan",
  takeJob: (pool: string) => `process ossaat.jobs.${pool}`,
  step: (kind: string) => `step ${kind}`,
  modelTurn: (model: string) => `chat ${model}`,
  toolCall: (tool: string) => `execute_tool ${tool}`,
  toolRun: (tool: string) => `run_tool ${tool}`,
} as const;

export const attributeKeys = {
  errorType: "error.type",
  exceptionType: "exception.type",
  exceptionStack: "exception.stacktrace",

  httpMethod: "http.request.method",
  httpRoute: "http.route",
  httpStatus: "http.response.status_code",

  rpcSystem: "rpc.system.name",
  rpcMethod: "rpc.method",

  messagingOperation: "messaging.operation.name",
  messagingOperationType: "messaging.operation.type",
  messagingDestination: "messaging.destination.name",
  messagingMessageId: "messaging.message.id",

  genAiOperation: "gen_ai.operation.name",
  genAiProvider: "gen_ai.provider.name",
  genAiAgent: "gen_ai.agent.name",
  /** The plan: every turn of a plan belongs to one conversation. */
  genAiConversation: "gen_ai.conversation.id",
  genAiRequestModel: "gen_ai.request.model",
  genAiRequestMaxTokens: "gen_ai.request.max_tokens",
  genAiRequestTemperature: "gen_ai.request.temperature",
  genAiRequestStream: "gen_ai.request.stream",
  genAiResponseId: "gen_ai.response.id",
  genAiResponseModel: "gen_ai.response.model",
  genAiFinishReasons: "gen_ai.response.finish_reasons",
  /** Includes cached tokens. */
  genAiInputTokens: "gen_ai.usage.input_tokens",
  genAiCacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  genAiCacheWriteTokens: "gen_ai.usage.cache_creation.input_tokens",
  genAiOutputTokens: "gen_ai.usage.output_tokens",
  genAiReasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  genAiToolName: "gen_ai.tool.name",
  genAiToolType: "gen_ai.tool.type",
  genAiToolCallId: "gen_ai.tool.call.id",

  requestId: "ossaat.request.id",
  tenantId: "ossaat.tenant.id",
  planId: "ossaat.plan.id",
  stepId: "ossaat.step.id",
  stepKind: "ossaat.step.kind",
  stepReason: "ossaat.step.reason",
  attempt: "ossaat.attempt",
  /** The message led to nothing. */
  isStale: "ossaat.stale",
  /** 1-based model turn of the step. */
  turn: "ossaat.turn",
  /** 1-based: how often this very turn has been requested. */
  requestAttempt: "ossaat.request_attempt",
  scripted: "ossaat.scripted",
  /** Tags of the agent's profile. */
  tags: "ossaat.tags",
  /** Absent when the price is unknown. */
  costUsd: "ossaat.cost_usd",
  toolCalls: "ossaat.tool_calls",
  toolState: "ossaat.tool.state",
  exitCode: "ossaat.tool.exit_code",
  /** SHA-256 of tool and arguments; the arguments themselves are never written. */
  argsHash: "ossaat.tool.args_hash",
  changedPaths: "ossaat.tool.changed_paths",
  unsandboxed: "ossaat.tool.unsandboxed",
} as const;
