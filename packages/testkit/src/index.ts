// Public names of the test kit: what must hold of a plan, and tools to break its server.
export { checkPlan } from "./oracle/check-plan.ts";
export { describeBadEnds } from "./oracle/describe-bad-ends.ts";
export { readPlanFacts } from "./oracle/facts.ts";
export type { PlanFacts, Query } from "./oracle/facts.ts";
export { describeFinding, invariants } from "./oracle/finding.ts";
export type { Finding, Invariant } from "./oracle/finding.ts";
export { findEffectProblems, findRepeatedTurns } from "./oracle/check-effects.ts";
export type { EffectLine, RequestLine } from "./oracle/check-effects.ts";
export { findLateNotices, findLateRecoveries, findStreamProblems, recoveryLimits } from "./oracle/check-streams.ts";
export type { Downtime, StreamCapture } from "./oracle/check-streams.ts";
export { findBranchProblems, findCheckoutProblems, readBranch, readCheckout } from "./oracle/git-state.ts";
export { findArtifactProblems, findFolderLeftovers, openStateDatabase } from "./oracle/state-folder.ts";
export { createFailpoints, dieNow } from "./failpoint/failpoints.ts";
export type { Failpoints, FailpointTarget } from "./failpoint/failpoints.ts";
export { failpointNames } from "./failpoint/names.ts";
export {
  watchGit,
  watchJournal,
  watchMethods,
  watchModels,
  watchStore,
  watchTools,
  watchWorkspaces,
} from "./failpoint/watch-parts.ts";
export { ServerSettings } from "./chaos/server-settings.ts";
export type { ServerNews, ServerOrder } from "./chaos/server-settings.ts";
export { startKafka } from "./servers/start-kafka.ts";
export type { KafkaOptions, KafkaServer } from "./servers/start-kafka.ts";
export { freePort } from "./servers/free-port.ts";
export { createDatabase, startPostgres } from "./servers/start-postgres.ts";
export type { PostgresOptions, PostgresServer } from "./servers/start-postgres.ts";
export { startRabbitmq } from "./servers/start-rabbitmq.ts";
export type { RabbitmqOptions, RabbitmqServer } from "./servers/start-rabbitmq.ts";
export { startProxy } from "./servers/tcp-proxy.ts";
export type { TcpProxy } from "./servers/tcp-proxy.ts";
