// The files of a commit's tree.
import { AgentError } from "@ossaat/contracts";

import { indexLimits } from "../limits.ts";
import { readGit } from "./git.ts";

export type TreeEntry = {
  /** Path as text; for names that are not UTF-8 see `isNameText`. */
  path: string;
  isNameText: boolean;
  kind: "file" | "symlink" | "submodule";
  blob: string;
  bytes: number;
};

const decoder = new TextDecoder("utf-8", { fatal: true });

function decodeName(bytes: Uint8Array): { path: string; isNameText: boolean } {
  try {
    return { path: decoder.decode(bytes), isNameText: true };
  } catch {
    return { path: Buffer.from(bytes).toString("latin1"), isNameText: false };
  }
}

function kindOf(mode: string): TreeEntry["kind"] {
  if (mode === "160000") return "submodule";
  return mode === "120000" ? "symlink" : "file";
}

function parseEntry(record: Buffer): TreeEntry | undefined {
  const tab = record.indexOf(9);
  const [mode = "", , blob = "", size = "-"] = record.toString("latin1", 0, tab).split(/ +/u);
  if (tab < 0 || blob === "") return undefined;
  return { ...decodeName(record.subarray(tab + 1)), kind: kindOf(mode), blob, bytes: size === "-" ? 0 : Number(size) };
}

/**
 * All entries of the tree in git's order; nothing of the working tree is read.
 * @throws AgentError invalid_input, tool_failed, limit_exceeded
 */
export async function listTree(root: string, commit: string): Promise<TreeEntry[]> {
  if (!/^[0-9a-f]{40,64}$/u.test(commit)) {
    throw new AgentError("invalid_input", "The commit must be a full commit id: resolve branches and tags first.");
  }
  const output = await readGit(root, ["ls-tree", "-r", "-z", "-l", "--full-tree", commit]);
  const entries: TreeEntry[] = [];
  for (let start = 0; start < output.length;) {
    const end = output.indexOf(0, start);
    const entry = parseEntry(output.subarray(start, end < 0 ? output.length : end));
    if (entry !== undefined) entries.push(entry);
    start = end < 0 ? output.length : end + 1;
  }
  if (entries.length > indexLimits.maxFiles) {
    const message = `The commit holds ${entries.length} files; the index takes at most ${indexLimits.maxFiles}.`;
    throw new AgentError("limit_exceeded", message);
  }
  return entries;
}
