// Public names of the orchestrator.
export { openSpoolFolder } from "./archive/spool-folder.ts";
export { createFileArtifacts } from "./artifact/adapters/files.ts";
export { systemClock, systemIds } from "./clock.ts";
export { createModels } from "./compose/models.ts";
export { openBroker } from "./compose/open-broker.ts";
export type { Models } from "./provider/models.ts";
export { createOrchestrator } from "./compose/orchestrator.ts";
export type { Orchestrator, OrchestratorDeps } from "./compose/orchestrator.ts";
export { createContextPlanner } from "./context-planner/context-planner.ts";
export { mintInternalToken } from "./identity/identity.ts";
export type { Identity } from "./identity/identity.ts";
export { createFileSecrets } from "./secret/adapters/file.ts";
export { createFileTurnJournal } from "./step/adapters/file-turn-journal.ts";
export { inspectSqliteStore } from "./store/adapters/inspect-sqlite.ts";
export { openSqliteStore } from "./store/adapters/sqlite.ts";
export type { OpenQueue } from "./compose/queue-parts.ts";
export type { JobQueue } from "./job/job-queue.ts";
