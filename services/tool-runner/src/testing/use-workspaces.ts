// One user's repository and one runner per test, for tests of the workspace service.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { WorkspaceId, WorkspaceService } from "@ossaat/contracts";
import { afterAll, afterEach, beforeEach, expect } from "vitest";

import { createToolRunner } from "../create-tool-runner.ts";
import { testHost } from "./host.ts";
import { testPlanId } from "./open-runner.ts";
import { silentLog } from "./silent-log.ts";
import { makeTempDir } from "./temp-dir.ts";
import { makeUserRepository, userRepositoryAt } from "./user-repository.ts";
import type { UserRepositoryFixture } from "./user-repository.ts";

export const authoredAt = "2026-02-03T04:05:06.789Z";

export type Tree = ReturnType<typeof makeTree>;

function makeTree(root: string) {
  return {
    root,
    write: (path: string, content: string | Buffer) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    },
    read: (path: string) => readFileSync(join(root, path), "utf8"),
    remove: (path: string) => rmSync(join(root, path), { recursive: true }),
  };
}

/** The AgentError that `work` ends with. */
export async function refusal(work: Promise<unknown>): Promise<unknown> {
  const thrown = await work.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AgentError);
  return thrown;
}

export type Workspaces = {
  repository: UserRepositoryFixture;
  service: WorkspaceService;
  /** A path in a folder that lives as long as the test file; `{n}` stands for the test's number. */
  path(name: string): string;
  /** The runner's own git dir of the repository. */
  gitDir(): string;
  open(name: string, commit?: string): Promise<Tree>;
  commit(name: string, message?: string, trailers?: Record<string, string>): ReturnType<WorkspaceService["commit"]>;
};

/** Registers the hooks; the fields are those of the running test. */
export function useWorkspaces(): Workspaces {
  const dir = makeTempDir();
  // One repository made by git; each test gets a copy of its own.
  const template = makeUserRepository(dir.at("template"), {
    "a.txt": "one\ntwo\nthree\nfour\nfive\n",
    "b.txt": "b\n",
    "dir/c.txt": "c\n",
    ".gitignore": "ignored/\n",
  });
  let count = 0;
  let close: () => Promise<void> = () => Promise.resolve();
  const state = () => dir.at(`state-${count}`);
  const fixture = {
    path: (name: string) => dir.at(name.replace("{n}", String(count))),
    gitDir: () => join(state(), "repositories", readdirSync(join(state(), "repositories"))[0] ?? ""),
    async open(name: string, commit = fixture.repository.base) {
      const place = { workspaceId: name as WorkspaceId, planId: testPlanId };
      await fixture.service.open({ ...place, repositoryPath: fixture.repository.root, commit });
      return makeTree(join(state(), "workspaces", testPlanId, name));
    },
    commit: (name: string, message = "step", trailers = {}) =>
      fixture.service.commit({ workspaceId: name as WorkspaceId, message, authoredAt, trailers }),
  } as Workspaces;

  beforeEach(() => {
    count += 1;
    const root = dir.at(`user ${count}`);
    cpSync(template.root, root, { recursive: true, verbatimSymlinks: true });
    fixture.repository = userRepositoryAt(root, template.base);
    const runner = createToolRunner({ stateDir: state(), sandbox: "none", host: testHost, logger: silentLog });
    fixture.service = runner.workspaces;
    close = () => runner.close();
  });
  afterEach(() => close());
  afterAll(() => dir.remove());
  return fixture;
}
