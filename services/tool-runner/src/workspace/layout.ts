// Where the runner keeps things below its state folder. Nothing here is writable from a box
// except the working trees and each one's caches.
import { join } from "node:path";

import { AgentError, sha256Hex } from "@ossaat/contracts";

const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u;

/** Checks an id before it becomes part of a path. @throws AgentError invalid_input */
export function checkId(kind: string, id: string): string {
  if (safeName.test(id)) return id;
  throw new AgentError("invalid_input", `The ${kind} is not valid: 1 to 128 letters, digits, dot, - or _.`);
}

export type Layout = {
  stateDir: string;
  /** Bare git dir of a user's repository, by the real path of its own git dir. */
  repository(realGitDir: string): string;
  workspaces: string;
  workspaceDir(planId: string, workspaceId: string): string;
  planDir(planId: string): string;
  meta: string;
  /** Index, base and merge state of a working tree. */
  metaDir(workspaceId: string): string;
  /** Caches of build tools: what the runner made itself, and a folder for each working tree. */
  caches: string;
  planCaches(planId: string): string;
  cacheDir(planId: string, workspaceId: string): string;
  logs: string;
  results: string;
  box: string;
  temp: string;
};

export function createLayout(stateDir: string): Layout {
  const at = (...parts: string[]) => join(stateDir, ...parts);
  return {
    stateDir,
    repository: (realGitDir) => at("repositories", `${sha256Hex(realGitDir)}.git`),
    workspaces: at("workspaces"),
    workspaceDir: (planId, workspaceId) =>
      at("workspaces", checkId("plan id", planId), checkId("workspace id", workspaceId)),
    planDir: (planId) => at("workspaces", checkId("plan id", planId)),
    meta: at("meta"),
    metaDir: (workspaceId) => at("meta", checkId("workspace id", workspaceId)),
    caches: at("caches"),
    planCaches: (planId) => at("caches", "plans", checkId("plan id", planId)),
    cacheDir: (planId, workspaceId) =>
      at("caches", "plans", checkId("plan id", planId), checkId("workspace id", workspaceId)),
    logs: at("logs"),
    results: at("results"),
    box: at("box"),
    temp: at("tmp"),
  };
}
