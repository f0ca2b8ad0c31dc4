// Deterministic commits: the same tree, parent, message and time give the same id.
import { AgentError } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";

const identity = { name: "ossaat", email: "ossaat@localhost" };

/** Git's own form of an RFC 3339 time. @throws AgentError invalid_input */
export function gitDate(time: string): string {
  const milliseconds = Date.parse(time);
  if (Number.isNaN(milliseconds)) throw new AgentError("invalid_input", `${time} is not a time in RFC 3339 form.`);
  return `@${Math.floor(milliseconds / 1000)} +0000`;
}

/** Message with its trailers as the last paragraph; line breaks in a trailer become spaces. */
export function commitMessage(message: string, trailers: Readonly<Record<string, string>>): string {
  const body = message.replaceAll("\0", "").trim();
  const lines = Object.entries(trailers).map(
    ([name, value]) => `${name.replace(/[^A-Za-z0-9-]/gu, "-")}: ${value.replace(/\s+/gu, " ").trim()}`,
  );
  const subject = body === "" ? "Changes of a step" : body;
  return lines.length === 0 ? `${subject}\n` : `${subject}\n\n${lines.join("\n")}\n`;
}

export type CommitInput = {
  tree: string;
  parents: readonly string[];
  message: string;
  authorDate: string;
  committerDate: string;
};

export function commitTree(git: Git, gitDir: string, input: CommitInput): Promise<string> {
  const parents = input.parents.flatMap((parent) => ["-p", parent]);
  return git.text(["commit-tree", input.tree, ...parents, "-F", "-"], {
    gitDir,
    input: input.message,
    env: {
      GIT_AUTHOR_NAME: identity.name,
      GIT_AUTHOR_EMAIL: identity.email,
      GIT_AUTHOR_DATE: input.authorDate,
      GIT_COMMITTER_NAME: identity.name,
      GIT_COMMITTER_EMAIL: identity.email,
      GIT_COMMITTER_DATE: input.committerDate,
    },
  });
}
