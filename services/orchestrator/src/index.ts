// Public names of the orchestrator.
export { openSpoolFolder } from "./archive/spool-folder.ts";
export { createFileArtifacts } from "./artifact/adapters/files.ts";
export { systemClock, systemIds } from "./clock.ts";
export { composeServer } from "./compose/compose-server.ts";
export type { ArrangedParts } from "./compose/compose-server.ts";
export { openBroker } from "./compose/open-broker.ts";
export type { Models } from "./provider/models.ts";
export type { Orchestrator, OrchestratorDeps } from "./compose/orchestrator.ts";
export { createContextPlanner } from "./context-planner/context-planner.ts";
export { mintInternalToken } from "./identity/identity.ts";
export type { Identity } from "./identity/identity.ts";
export type { ServerRules } from "./server-rules.ts";
export { createFileTurnJournal } from "./step/adapters/file-turn-journal.ts";
export { inspectSqliteStore } from "./store/adapters/inspect-sqlite.ts";
export { openSqliteStore } from "./store/adapters/sqlite.ts";
export type { OpenQueue } from "./compose/queue-parts.ts";
export type { JobQueue } from "./job/job-queue.ts";
