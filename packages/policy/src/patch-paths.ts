// Every path a patch names, in either form. Read generously: a line that merely looks like a header
// counts, so that no path can hide from the envelope check.

function cleanHeaderPath(raw: string): string | undefined {
  const withoutTime = raw.split("\t")[0]?.trimEnd() ?? "";
  const unquoted = /^".*"$/u.test(withoutTime) ? withoutTime.slice(1, -1) : withoutTime;
  return unquoted === "" || unquoted === "/dev/null" ? undefined : unquoted;
}

/** Strips the `a/` or `b/` of a header path. */
export function stripPatchPrefix(path: string): string {
  return /^[ab]\//u.test(path) ? path.slice(2) : path;
}

/** Path of a `---` or `+++` header line; undefined for /dev/null. */
export function headerPath(line: string): string | undefined {
  const path = cleanHeaderPath(line.slice(4));
  return path === undefined ? undefined : stripPatchPrefix(path);
}

const sections = { Add: "add", Update: "update", Delete: "delete" } as const;

/** A header of the form `*** Update File: path`, or of the `*** Move to: path` below it. */
export function sectionHeader(line: string): { kind: "add" | "update" | "delete" | "move"; path: string } | undefined {
  const file = /^\*\*\* (Add|Update|Delete) File:\s*(\S.*?)\s*$/u.exec(line);
  if (file !== null) return { kind: sections[file[1] as keyof typeof sections], path: file[2] ?? "" };
  const move = /^\*\*\* Move to:\s*(\S.*?)\s*$/u.exec(line);
  return move === null ? undefined : { kind: "move", path: move[1] ?? "" };
}

/** Paths the patch reads, writes, deletes or renames, without duplicates. */
export function patchPaths(patch: string): string[] {
  const lines = patch.split(/\r?\n/u);
  const found = new Set<string>();
  lines.forEach((line, index) => {
    const next = lines[index + 1] ?? "";
    if (line.startsWith("--- ") && next.startsWith("+++ ")) {
      for (const header of [line, next]) {
        const path = headerPath(header);
        if (path !== undefined) found.add(path);
      }
    }
    const moved = /^(?:rename|copy) (?:from|to) (.+)$/u.exec(line);
    const movedPath = moved === null ? undefined : cleanHeaderPath(moved[1] ?? "");
    if (movedPath !== undefined) found.add(movedPath);
    const section = sectionHeader(line);
    if (section !== undefined) found.add(section.path);
    const git = /^diff --git a\/(.+) b\/(.+)$/u.exec(line);
    if (git !== null) for (const path of [git[1], git[2]]) if (path !== undefined) found.add(path);
  });
  return [...found];
}
