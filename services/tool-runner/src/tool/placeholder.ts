// Lines by which a model leaves text out: "// ... existing code ...". As text they are never meant.
import { posix } from "node:path";

const documents = new Set([".md", ".mdx", ".markdown", ".rst", ".txt", ".adoc"]);

export const isDocument = (path: string): boolean => documents.has(posix.extname(path).toLowerCase());

const dots = String.raw`(?:\.{3,}|\u2026)`;
const words =
  /\b(?:existing|rest|remaining|remainder|unchanged|same|omitted|previous|other|keep|before|above|more)\b/iu;
const opener = /^(?:\/\/+|#+|--+|\/\*+|<!--|\{\/\*|;+|%+|\*)\s*/u;
const closer = /\s*(?:\*\/\}?|-->)$/u;
const sentence =
  /^[([]?(?:the )?(?:rest of (?:the |this )?(?:code|file|function|class|method|implementation|body|imports?|module)|(?:existing|other|previous|remaining|unchanged|same) (?:code|methods?|functions?|imports?|fields?|lines|implementation|content)|unchanged)(?: (?:here|goes here|unchanged|stays|is unchanged|remains?|remains? unchanged|stays? the same|as before|omitted|above|below))*[)\]]?\.?$/iu;

/** Whether a line stands for others. `before` is the line above it. */
export function isPlaceholder(line: string, path: string, before = ""): boolean {
  const text = line.trim();
  const marker = opener.exec(text)?.[0];
  const inner = text.slice(marker?.length ?? 0).replace(closer, "");
  const bare = new RegExp(`^${dots}$`, "u").test(inner);
  if (marker === undefined) {
    // Alone in a block it is Python's empty body.
    if (bare) return !isDocument(path) && !before.trimEnd().endsWith(":") && !/\.(?:ya?ml|pyi)$/u.test(path);
    return new RegExp(`^[([]?${dots}.*${dots}[)\\]]?$`, "u").test(inner) && words.test(inner);
  }
  if (isDocument(path) && !marker.startsWith("<!--")) return false;
  if (bare) return true;
  const isDotted = new RegExp(`^${dots}|${dots}[)\\]]?$`, "u").test(inner);
  return (isDotted && words.test(inner)) || sentence.test(inner);
}
