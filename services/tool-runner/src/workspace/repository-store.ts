// Our own bare git dir per user repository: our configuration, our attributes, their objects.
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

import { AgentError } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";
import { updateRef } from "../git/update-ref.ts";
import { importObjects } from "./import-objects.ts";
import type { Layout } from "./layout.ts";
import type { KeyedLock } from "./lock.ts";
import type { UserRepository } from "./user-repository.ts";

const config = (objectFormat: string) => `[core]
\trepositoryformatversion = ${objectFormat === "sha1" ? 0 : 1}
\tbare = true
\tfilemode = true
\tsymlinks = true
\tignorecase = false
\tautocrlf = false
\tsafecrlf = false
\tquotepath = false
\tlogallrefupdates = false
\texcludesfile = /dev/null
\tattributesfile = /dev/null
\thooksPath = /dev/null
\tfsmonitor = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\taddEmbeddedRepo = false
[diff]
\tignoreSubmodules = all
\trenameLimit = 2000
[user]
\tname = ossaat
\temail = ossaat@localhost
${objectFormat === "sha1" ? "" : `[extensions]\n\tobjectformat = ${objectFormat}\n`}`;

// Attributes of the tree could name filters, diff and merge drivers; this file has the last word.
const attributes = "* !filter !diff !merge !working-tree-encoding !ident\n";

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

async function createBare(dir: string, objectFormat: string): Promise<void> {
  const temporary = `${dir}.${randomUUID()}.tmp`;
  for (const folder of ["objects/pack", "objects/info", "refs/ossaat", "refs/heads", "info"]) {
    await mkdir(join(temporary, folder), { recursive: true, mode: 0o700 });
  }
  await writeFile(join(temporary, "HEAD"), "ref: refs/heads/none\n");
  await writeFile(join(temporary, "config"), config(objectFormat));
  await writeFile(join(temporary, "info/attributes"), attributes);
  await writeFile(join(temporary, "info/exclude"), "");
  await rename(temporary, dir).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true, force: true });
    if (!(await isFolder(dir))) throw error;
  });
}

/** Ends of shallow history, so that git does not look for parents nobody has. */
async function importShallow(repository: UserRepository, dir: string): Promise<void> {
  const theirs = await readFile(join(repository.commonDir, "shallow"), "utf8").catch(() => "");
  if (theirs === "") return;
  const ours = await readFile(join(dir, "shallow"), "utf8").catch(() => "");
  const lines = new Set([...ours.split("\n"), ...theirs.split("\n")].filter((line) => /^[0-9a-f]{40,64}$/u.test(line)));
  await writeFile(join(dir, "shallow"), `${[...lines].join("\n")}\n`);
}

export type RepositoryStore = {
  /** Our git dir for the repository, with every object `commits` need. @throws AgentError invalid_input */
  ensure(repository: UserRepository, commits: readonly string[], signal?: AbortSignal): Promise<string>;
  /** Our git dir as it is, made when there was none. */
  open(repository: UserRepository): Promise<string>;
  /** Takes in whatever is new in the user's repository. */
  refresh(repository: UserRepository): Promise<string>;
};

export function createRepositoryStore(git: Git, layout: Layout, lock: KeyedLock): RepositoryStore {
  const dirOf = (repository: UserRepository) => layout.repository(repository.commonDir);

  async function takeIn(repository: UserRepository, signal?: AbortSignal): Promise<string> {
    const dir = dirOf(repository);
    await mkdir(join(layout.stateDir, "repositories"), { recursive: true, mode: 0o700 });
    if (!(await isFolder(dir))) await createBare(dir, repository.objectFormat);
    await importObjects(join(repository.commonDir, "objects"), join(dir, "objects"), signal);
    await importShallow(repository, dir);
    return dir;
  }

  /** A base ref is written only after a whole import, so its presence proves completeness. */
  async function isKnown(dir: string, commit: string): Promise<boolean> {
    if (!(await isFolder(dir))) return false;
    const args = ["rev-parse", "--verify", "--quiet", `refs/ossaat/base/${commit}`];
    return (await git.run(args, { gitDir: dir, okCodes: [1] })).code === 0;
  }

  async function record(dir: string, commit: string): Promise<void> {
    const known = await git.run(["cat-file", "-e", `${commit}^{tree}`], { gitDir: dir, okCodes: [1, 128] });
    if (known.code !== 0) {
      throw new AgentError("invalid_input", `The repository has no commit ${commit}, or lacks its files.`, {
        details: { next: "git fetch --refetch" },
      });
    }
    await updateRef(git, [`refs/ossaat/base/${commit}`, commit], { gitDir: dir });
  }

  return {
    ensure: (repository, commits, signal) =>
      lock.hold(
        `repository:${repository.commonDir}`,
        async () => {
          const dir = dirOf(repository);
          for (const commit of commits) {
            if (await isKnown(dir, commit)) continue;
            await takeIn(repository, signal);
            await record(dir, commit);
          }
          return dir;
        },
        signal,
      ),
    open: (repository) =>
      lock.hold(`repository:${repository.commonDir}`, async () => {
        const dir = dirOf(repository);
        return (await isFolder(dir)) ? dir : takeIn(repository);
      }),
    refresh: (repository) => lock.hold(`repository:${repository.commonDir}`, () => takeIn(repository)),
  };
}
