// Submodules of a user's repository. A working tree holds none: with a link in its index git would
// look for, and into, a repository at that place, which could only be the agent's. The links are
// taken out of every tree that is checked out and put back, unchanged, into every tree that is written.
import { copyFile, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";

import { z } from "zod";

import { splitNul } from "../git/git.ts";
import type { Git, GitPlace } from "../git/git.ts";

/** A submodule: raw (latin1) path and the commit it stands at. */
export const Gitlink = z.object({ path: z.string(), object: z.string() });
export type Gitlink = z.infer<typeof Gitlink>;

const linkMode = "160000";

/** The links of a tree or commit. */
export async function findGitlinks(git: Git, gitDir: string, tree: string): Promise<Gitlink[]> {
  const { stdout } = await git.run(["ls-tree", "-r", "-z", "--full-tree", tree], { gitDir });
  return splitNul(stdout)
    .filter((row) => row.startsWith(`${linkMode} `))
    .map((row) => ({
      object: row.slice(0, row.indexOf("\t")).split(" ")[2] ?? "",
      path: row.slice(row.indexOf("\t") + 1),
    }));
}

function indexInfo(links: readonly Gitlink[], entry: (link: Gitlink) => string): Buffer {
  return Buffer.from(links.map((link) => `${entry(link)}\t${link.path}\0`).join(""), "latin1");
}

const update = ["update-index", "--replace", "-z", "--index-info"];

/** Takes the links out of an index; its other entries and the files stay. */
export async function dropGitlinks(git: Git, place: GitPlace, links: readonly Gitlink[]): Promise<void> {
  const input = indexInfo(links, ({ object }) => `0 ${"0".repeat(object.length)}`);
  await git.run(update, { ...place, input });
}

/** The same tree without its links, for a checkout. `scratch` names an index that may be made. */
export async function withoutGitlinks(git: Git, gitDir: string, tree: string, scratch: string): Promise<string> {
  const links = await findGitlinks(git, gitDir, tree);
  if (links.length === 0) return tree;
  const indexFile = `${scratch}.${randomUUID()}`;
  const place = { gitDir, indexFile };
  try {
    await git.run(["read-tree", tree], place);
    await dropGitlinks(git, place, links);
    return await git.text(["write-tree"], place);
  } finally {
    await rm(indexFile, { force: true });
  }
}

/** Writes the index of `place` as a tree that holds the links again. */
export async function writeTreeWith(
  git: Git,
  place: GitPlace & { indexFile: string },
  links: readonly Gitlink[],
): Promise<string> {
  if (links.length === 0) return git.text(["write-tree"], place);
  const indexFile = `${place.indexFile}.${randomUUID()}`;
  const scratch = { ...place, indexFile };
  try {
    await copyFile(place.indexFile, indexFile);
    await git.run(update, { ...scratch, input: indexInfo(links, ({ object }) => `${linkMode} ${object}`) });
    return await git.text(["write-tree"], scratch);
  } finally {
    await rm(indexFile, { force: true });
  }
}
