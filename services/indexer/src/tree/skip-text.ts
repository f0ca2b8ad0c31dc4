// Why a file's text is not indexed. Its path still is.
import { indexLimits } from "../limits.ts";
import { isSecretName, lockFilePattern } from "./classify-path.ts";
import type { TreeEntry } from "../git/list-tree.ts";

export type SkipReason =
  | "submodule"
  | "symlink"
  | "name_not_utf8"
  | "too_large"
  | "over_commit_limit"
  | "binary"
  | "minified"
  | "generated"
  | "secret_name"
  | "lock_file";

const binaryExtension =
  /\.(?:png|jpe?g|gif|webp|avif|ico|bmp|tiff?|svgz?|pdf|zip|gz|tgz|bz2|xz|zst|7z|rar|jar|war|class|o|a|so|dylib|dll|exe|wasm|woff2?|ttf|otf|eot|mp[34]|mov|avi|webm|ogg|wav|flac|sqlite3?|db|pyc|bin|dat|parquet|psd|lockb)$/iu;

/** What the tree entry alone says. */
export function skipByEntry(entry: TreeEntry): SkipReason | undefined {
  if (entry.kind !== "file") return entry.kind;
  if (!entry.isNameText) return "name_not_utf8";
  if (isSecretName(entry.path)) return "secret_name";
  if (binaryExtension.test(entry.path)) return "binary";
  if (lockFilePattern.test(entry.path)) return "lock_file";
  return entry.bytes > indexLimits.maxFileBytes ? "too_large" : undefined;
}

const generatedMark =
  /@generated\b|\bcode generated\b.{0,80}\bdo not edit\b|\bauto-?generated (?:file|by|code)\b.{0,80}|\bthis file (?:is|was) (?:automatically |auto-?)generated\b/iu;

/** Only in a comment-like head: a generator's own source holds the mark in a string. */
function hasGeneratedMark(data: Buffer): boolean {
  const head = data.toString("latin1", 0, 600);
  return head.split("\n", 12).some((line) => /^\s*(?:\/\/|\/?\*|#|--|;|<!--)/u.test(line) && generatedMark.test(line));
}

function isMinified(data: Buffer): boolean {
  if (data.length < 2_048) return false;
  let lines = 1;
  let longest = 0;
  let start = 0;
  for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
    lines += 1;
    if (end - start > longest) longest = end - start;
    start = end + 1;
  }
  longest = Math.max(longest, data.length - start);
  return data.length / lines > indexLimits.maxMeanLine || longest > indexLimits.maxLine;
}

/** What the bytes say. Prose may have long lines, so only code counts as minified. */
export function skipByContent(data: Buffer, isProse: boolean): SkipReason | undefined {
  const zero = data.subarray(0, 8_000).indexOf(0);
  if (zero >= 0) return "binary";
  if (!isProse && isMinified(data)) return "minified";
  return hasGeneratedMark(data) ? "generated" : undefined;
}
