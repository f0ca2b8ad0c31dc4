// What running a step needs from the rest of the product.
import type { AgentProfile, IndexService, ToolService, WorkspaceService } from "@ossaat/contracts";

import type { Engine } from "../job/engine.ts";
import type { Policies } from "../policy/policies.ts";
import type { Models } from "../provider/models.ts";
import type { TurnJournal } from "./turn-journal.ts";

export type AgentCatalog = {
  /** Profiles that hold at a commit of a repository, by name. */
  profiles(repository: { path: string; commit: string }): Promise<ReadonlyMap<string, AgentProfile>>;
};

export type StepDeps = {
  engine: Engine;
  models: Models;
  tools: ToolService;
  workspaces: WorkspaceService;
  index: IndexService;
  agents: AgentCatalog;
  policies: Policies;
  journal: TurnJournal;
  /** Aborted when this process ends soon: an agent begins no turn and no call any more; absent = never. */
  draining?: AbortSignal | undefined;
  /** No call runs on a tool runner without a sandbox. */
  isSandboxRequired?: boolean | undefined;
};
