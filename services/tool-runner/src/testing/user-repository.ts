// A user's repository with a checkout, made with real git for one test.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type UserRepositoryFixture = {
  root: string;
  /** Commit the fixture begins with. */
  base: string;
  git(...args: string[]): string;
  write(path: string, content: string | Buffer): void;
  read(path: string): string;
  /** Commits everything and gives the commit's id. */
  commit(message: string): string;
};

/** Runs git as a user would, but with no configuration of this machine. */
export function gitIn(cwd: string, args: readonly string[], input?: string | Buffer): string {
  return execFileSync("git", ["-c", "init.defaultBranch=main", ...args], {
    cwd,
    input: input ?? "",
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "User",
      GIT_AUTHOR_EMAIL: "user@example.org",
      GIT_AUTHOR_DATE: "@1700000000 +0000",
      GIT_COMMITTER_NAME: "User",
      GIT_COMMITTER_EMAIL: "user@example.org",
      GIT_COMMITTER_DATE: "@1700000000 +0000",
    },
  })
    .toString()
    .trimEnd();
}

/** The fixture of a repository that is in `root` already. */
export function userRepositoryAt(root: string, base: string): UserRepositoryFixture {
  const git = (...args: string[]) => gitIn(root, args);
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const commit = (message: string): string => {
    git("add", "-A");
    git("commit", "-q", "--allow-empty", "-m", message);
    return git("rev-parse", "HEAD");
  };
  return { root, base, git, write, read: (path) => readFileSync(join(root, path), "utf8"), commit };
}

/** Makes a repository in `root` with one commit of `files`. */
export function makeUserRepository(
  root: string,
  files: Readonly<Record<string, string | Buffer>>,
): UserRepositoryFixture {
  mkdirSync(root, { recursive: true });
  const fresh = userRepositoryAt(root, "");
  fresh.git("init", "-q");
  for (const [path, content] of Object.entries(files)) fresh.write(path, content);
  return { ...fresh, base: fresh.commit("base") };
}
