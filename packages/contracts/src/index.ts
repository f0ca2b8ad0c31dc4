// Public names of the contracts package.
export {
  AgentError,
  diskFullError,
  errorTable,
  exitCodes,
  fencedReason,
  toErrorBody,
  unreachableReason,
} from "./agent-error.ts";
export type { ErrorCode, ErrorDetails } from "./agent-error.ts";
export { AgentFrontMatter, ApprovalRule } from "./agent-profile.ts";
export type { AgentProfile } from "./agent-profile.ts";
export { isBrokerAddress } from "./broker-address.ts";
export { isLoopback, isProtectedAddress } from "./protected-address.ts";
export { AgentCapability, PersonCapability, capabilityTable } from "./capability.ts";
export { ArchiveManifest, ArchiveVersion, archiveEntryName, archiveNames } from "./archive.ts";
export type { ArchiveEntry } from "./archive.ts";
export { EgressReason, EgressRecord, egressUseMetadata, readEgressUse } from "./egress.ts";
export type { EgressUse } from "./egress.ts";
export { EgressEntry, isAmbiguousPath, parseEgressEntry } from "./egress-entry.ts";
export type { EgressRule, EgressScheme, ParsedEgressEntry } from "./egress-entry.ts";
export { Denial, DenialLayer, boundDenials } from "./denial.ts";
export { Budget, EffectClass, Envelope, findIdleEntries } from "./envelope.ts";

export { hashGrant } from "./grant.ts";
export { normalizeHost } from "./host-name.ts";
export type { NormalizedHost } from "./host-name.ts";
export { canonicalJson, hashJson, sha256Hex } from "./hash.ts";
export {
  ApprovalId,
  PlanId,
  Sha256,
  StepId,
  Timestamp,
  WorkspaceId,
  finishStepId,
  isPlanningStepId,
  isSystemStepId,
  planningStepId,
} from "./ids.ts";
export type {
  IndexService,
  IndexedSymbol,
  ProjectProfile,
  RepositoryRef,
  SearchHit,
  SymbolKind,
} from "./index-service.ts";
export { coveredModels, isModelAllowed } from "./model-pattern.ts";
export { findGraphProblems, findHeadProblems, topologicalOrder } from "./plan-graph.ts";
export {
  Plan,
  PlannerKind,
  Risk,
  Step,
  StepAction,
  SuccessCheck,
  hashPlan,
  hashStep,
  planLimits,
  sealPlan,
} from "./plan.ts";
export type { SealedPlan, SealedStep } from "./plan.ts";
export { demandSandbox, demandsSandbox } from "./sandbox-demand.ts";
export { SecretName } from "./secret.ts";
export type { BoundSecret, SecretSource } from "./secret.ts";
export { toolInputs, toolLimits, toolSpecs } from "./tool.ts";
export type {
  CallOptions,
  CommandRecord,
  DiffFile,
  TestReport,
  ToolEvent,
  ToolInput,
  ToolInvocation,
  ToolName,
  ToolOutput,
  ToolRunnerHealth,
  ToolService,
  ToolSpec,
} from "./tool.ts";
export type {
  CommitInfo,
  GrantInput,
  HeldWorkspace,
  KeptPiece,
  KeptRequest,
  MergeResult,
  RepositoryInfo,
  WorkspaceService,
} from "./workspace.ts";
export {
  CreatePlanRequest,
  DeadLetterDecision,
  DeadLetterQuery,
  DeadLettersDecision,
  EditPlanRequest,
  Goal,
  PlanDecision,
  PolicyReplayRequest,
  RetryPlanRequest,
} from "./api.ts";
export type {
  AgentListResponse,
  ApprovalListResponse,
  DeadLetterDecisionResponse,
  DeadLetterListResponse,
  DeadLetterResponse,
  DeadLetterSummary,
  DeadLettersDecisionResponse,
  DiffResponse,
  ImportPlanResponse,
  PlanListResponse,
  PlanResponse,
  PlanSummary,
  QueueHealth,
  PartAway,
  QueueStatusResponse,
  StatusResponse,
} from "./api.ts";
export {
  ApprovalDecision,
  ApprovalKind,
  ApprovalRequest,
  ApprovalScope,
  ApprovalStatus,
  DecisionMeans,
} from "./approval.ts";
export { Actor, LiveEvent, StepResult, Stored, TurnUsage, eventData, parseEvent } from "./event.ts";
export type { EventData, EventType, PlanEvent, PlanEventOf } from "./event.ts";
export { foldPlan } from "./fold-plan.ts";
export type { ApprovalState, PlanState, StepState } from "./fold-plan.ts";
export { JobEnvelope, jobLimits } from "./job.ts";
export {
  EndReason,
  PlanStatus,
  StepStatus,
  canPlanGo,
  canStepGo,
  isTerminalPlan,
  isTerminalStep,
} from "./plan-status.ts";
export { statusText } from "./status-text.ts";
export { invalidEnvironment, processNext } from "./invalid-environment.ts";
export { describeProblems, schemaProblems } from "./schema-problems.ts";
export type { SchemaProblem } from "./schema-problems.ts";
export { countOf } from "./count-of.ts";
export { PolicyFile, PolicyRule, policyFileLimits } from "./policy-file.ts";
export { systemPolicyFile } from "./system-policy-file.ts";
export { PlanPriority, priorityNumber } from "./priority.ts";
export type { Difference, DifferenceKind, ReconcileResponse } from "./reconcile.ts";
export {
  DenyReason,
  ExplainedEntry,
  PolicyInput,
  PolicyLayerName,
  PolicyOutcome,
  PolicyResult,
  RunMode,
} from "./policy.ts";
export type {
  CheckedTool,
  ConditionalRule,
  DenyEntry,
  PolicyCheckResponse,
  PolicyReplayResponse,
  ReplayedDecision,
  TouchedRule,
} from "./policy.ts";
export { proveToken } from "./token-proof.ts";
export { httpRoutes } from "./http-routes.ts";
export type { HttpRoute } from "./http-routes.ts";
