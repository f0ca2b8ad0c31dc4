// What is kept in memory of one repository: its corpus and the views of its latest commits.
import type { ProjectProfile } from "@ossaat/contracts";

import { listTree } from "../git/list-tree.ts";
import type { TreeEntry } from "../git/list-tree.ts";
import { readBlobs } from "../git/read-blobs.ts";
import { readHistory } from "../git/read-history.ts";
import { indexLimits } from "../limits.ts";
import { readProfile } from "../profile/read-profile.ts";
import { languageOf } from "../tree/languages.ts";
import { skipByContent, skipByEntry } from "../tree/skip-text.ts";
import { createCommitView } from "./commit-view.ts";
import type { CommitView } from "./commit-view.ts";
import { Corpus } from "./corpus.ts";

export type Tree = { entries: TreeEntry[]; byPath: Map<string, TreeEntry> };

type Commit = { tree?: Promise<Tree>; view?: Promise<CommitView>; profile?: Promise<ProjectProfile> };

/** Keeps the value of a promise unless it fails: a failure may pass. */
function keep<K extends keyof Commit>(
  commit: Commit,
  key: K,
  make: () => NonNullable<Commit[K]>,
): NonNullable<Commit[K]> {
  const known = commit[key];
  if (known !== undefined) return known;
  const made = make();
  commit[key] = made;
  made.catch(() => {
    delete commit[key];
  });
  return made;
}

async function readTree(root: string, commit: string): Promise<Tree> {
  const entries = await listTree(root, commit);
  const byPath = new Map(entries.filter(({ isNameText }) => isNameText).map((entry) => [entry.path, entry]));
  return { entries, byPath };
}

async function indexTexts(root: string, entries: readonly TreeEntry[], corpus: Corpus): Promise<void> {
  const pathOf = new Map<string, string>();
  let bytes = 0;
  for (const entry of entries) {
    if (skipByEntry(entry) !== undefined || pathOf.has(entry.blob)) continue;
    bytes += entry.bytes;
    if (bytes > indexLimits.maxCommitBytes) break;
    if (!corpus.has(entry.blob)) pathOf.set(entry.blob, entry.path);
  }
  await readBlobs(root, [...pathOf.keys()], (blob, data) => {
    const isProse = languageOf(pathOf.get(blob) ?? "")?.isCode === false;
    const skipped = skipByContent(data, isProse);
    if (skipped === undefined) corpus.addText(blob, data);
    else corpus.addSkipped(blob, skipped);
  });
}

export class Repository {
  readonly root: string;
  #corpus = new Corpus();
  readonly #commits = new Map<string, Commit>();
  /** One indexing at a time: all write to the same corpus. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(root: string) {
    this.root = root;
  }

  tree(commit: string): Promise<Tree> {
    return keep(this.#commit(commit), "tree", () => readTree(this.root, commit));
  }

  profile(commit: string): Promise<ProjectProfile> {
    return keep(this.#commit(commit), "profile", async () => readProfile(this.root, (await this.tree(commit)).entries));
  }

  view(commit: string): Promise<CommitView> {
    return keep(this.#commit(commit), "view", () => {
      const built = this.#busy.then(() => this.#build(commit));
      this.#busy = built.catch(() => undefined);
      return built;
    });
  }

  async #build(commit: string): Promise<CommitView> {
    const { entries } = await this.tree(commit);
    if (this.#corpus.size > entries.length * 3 + 5_000) this.#corpus = new Corpus();
    const corpus = this.#corpus;
    const history = readHistory(this.root, commit);
    // Awaited below; until then a failure must not count as unhandled.
    history.catch(() => undefined);
    await indexTexts(this.root, entries, corpus);
    return createCommitView(entries, await history, corpus);
  }

  #commit(id: string): Commit {
    const known = this.#commits.get(id) ?? {};
    this.#commits.delete(id);
    this.#commits.set(id, known);
    if (this.#commits.size > indexLimits.maxCommits) {
      const oldest = this.#commits.keys().next().value;
      if (oldest !== undefined) this.#commits.delete(oldest);
    }
    return known;
  }
}
