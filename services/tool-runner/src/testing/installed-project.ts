// A user's checkout with installed dependencies, and a runner with real boxes over it.
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

import { Envelope } from "@ossaat/contracts";
import type { ToolName, WorkspaceService } from "@ossaat/contracts";

import { createToolRunner } from "../create-tool-runner.ts";
import { testHost } from "./host.ts";
import {
  collectEvents,
  makeInvocation,
  outcomeOf,
  shellArgv,
  testPlanId,
  testWorkspaceId,
  wideEnvelope,
} from "./open-runner.ts";
import type { Outcome } from "./open-runner.ts";
import { silentLog } from "./silent-log.ts";
import { makeTempDir } from "./temp-dir.ts";
import { makeUserRepository } from "./user-repository.ts";
import type { UserRepositoryFixture } from "./user-repository.ts";

export type InstalledProject = {
  repository: UserRepositoryFixture;
  /** The working tree, as the host sees it. */
  tree: string;
  workspaces: WorkspaceService;
  open: () => Promise<{ tree: string }>;
  call: (tool: ToolName, input: unknown) => Promise<Outcome>;
  /** Output of a shell script in the box. */
  sh: (script: string, cwd?: string) => Promise<string>;
  close: () => Promise<void>;
};

/** A repository with one commit of `files`; `install` then puts in what the user has installed. */
export async function openInstalledProject(
  files: Readonly<Record<string, string>>,
  install: (repository: UserRepositoryFixture) => void,
): Promise<InstalledProject> {
  const dir = makeTempDir();
  const repository = makeUserRepository(dir.at("user"), files);
  install(repository);
  const stateDir = dir.at("state");
  const runner = createToolRunner({ stateDir, sandbox: "bubblewrap", host: testHost, logger: silentLog });
  const place = { workspaceId: testWorkspaceId, planId: testPlanId };
  const open = () => runner.workspaces.open({ ...place, repositoryPath: repository.root, commit: repository.base });
  await open();
  const envelope = Envelope.parse({ ...wideEnvelope, commands: [...wideEnvelope.commands, "hello"] });
  const call = async (tool: ToolName, input: unknown) =>
    outcomeOf(await collectEvents(runner.tools.execute(makeInvocation(tool, input, { envelope }))));
  const sh = async (script: string, cwd = ".") => {
    const { text } = await call("run_command", { argv: shellArgv(script), cwd });
    return text.split("\n").slice(1).join("\n");
  };
  const close = async () => {
    await runner.close();
    dir.remove();
  };
  const tree = join(stateDir, "workspaces", testPlanId, testWorkspaceId);
  return { repository, tree, workspaces: runner.workspaces, open, call, sh, close };
}

/** Makes a link in the checkout, with the folders above it. */
export function linkIn(repository: UserRepositoryFixture, path: string, target: string): void {
  mkdirSync(dirname(join(repository.root, path)), { recursive: true });
  symlinkSync(target, join(repository.root, path));
}
