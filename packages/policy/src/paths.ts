// Path rules shared by every check: what a relative path may look like, and which paths are
// agent configuration or automation ("protected"). String rules only; the file tools and the
// sandbox hold the real wall.

/** A path that is safe to join to a workspace root, or why it is not. */
export type PathCheck = { ok: true; path: string } | { ok: false; why: string };

// Code points that HFS+ ignores in names, so that ".g<U+200C>it" names ".git" there.
const ignorable = /\u{AD}|[\u{200B}-\u{200F}\u{202A}-\u{202E}\u{2060}-\u{2064}\u{206A}-\u{206F}]|\u{FEFF}/gu;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const control = /[\u0000-\u001f\u007f]/u;
const encodedSeparator = /%(?:2e|2f|5c|00)/iu;

/** The name a case-insensitive or normalising file system may resolve a segment to. */
function foldSegment(segment: string): string {
  return segment
    .normalize("NFKC")
    .replace(ignorable, "")
    .replace(/[. ]+$/u, "")
    .replace(/::?\$.*$/u, "")
    .toLowerCase();
}

function isGitDirName(segment: string): boolean {
  const folded = foldSegment(segment);
  return folded === ".git" || /^git~\d+$/u.test(folded);
}

/**
 * Normalises a path relative to the repository root: `./` and doubled `/` go, everything that
 * could leave the root or name a git dir is refused before any I/O.
 */
export function normalizePath(path: string): PathCheck {
  if (path === "") return { ok: false, why: "the path is empty" };
  if (control.test(path)) return { ok: false, why: "the path holds a control character" };
  if (path.includes("\\")) return { ok: false, why: "the path holds a backslash; use /" };
  if (path.startsWith("/") || path.startsWith("~") || /^[A-Za-z]:/u.test(path)) {
    return { ok: false, why: "the path is absolute; give it relative to the repository root" };
  }
  if (encodedSeparator.test(path)) return { ok: false, why: "the path holds a percent-encoded dot or separator" };
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  for (const segment of segments) {
    if (/^\.+ *$/u.test(segment.normalize("NFKC"))) return { ok: false, why: "the path leaves the workspace (..)" };
    if (isGitDirName(segment)) return { ok: false, why: "git directories are out of reach" };
  }
  return { ok: true, path: segments.length === 0 ? "." : segments.join("/") };
}

const protectedFolders = new Set([
  ".plans",
  ".ossaat",
  ".vscode",
  ".idea",
  ".devcontainer",
  ".claude",
  ".cursor",
  ".codex",
  ".gemini",
  ".windsurf",
  ".husky",
  ".github",
  ".gitlab",
  ".gitea",
  ".forgejo",
  ".circleci",
  ".buildkite",
  ".semaphore",
  ".woodpecker",
]);
const protectedFiles = new Set([
  "codeowners",
  "agents.md",
  "claude.md",
  "gemini.md",
  ".mcp.json",
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  ".pypirc",
  ".cursorrules",
  ".windsurfrules",
  ".pre-commit-config.yaml",
  ".pre-commit-config.yml",
  ".pre-commit-hooks.yaml",
  "lefthook.yml",
  "lefthook.yaml",
  "lefthook.toml",
  "lefthook.json",
  "lefthook-local.yml",
  ".lefthook.yml",
  ".lefthook.yaml",
  "jenkinsfile",
  ".travis.yml",
  "azure-pipelines.yml",
  "azure-pipelines.yaml",
  "bitbucket-pipelines.yml",
  "appveyor.yml",
  ".appveyor.yml",
  ".drone.yml",
  ".woodpecker.yml",
  ".woodpecker.yaml",
  ".cirrus.yml",
  "cloudbuild.yaml",
  "cloudbuild.yml",
  "buildspec.yml",
]);
const ordinaryGitFiles = new Set([".gitignore", ".gitkeep"]);

/**
 * Whether a path belongs to agent configuration or automation. Folded the way lenient file
 * systems fold names, so that `.GITHUB/workflows.` is found too.
 */
export function isProtectedPath(path: string): boolean {
  const segments = path.split("/").map(foldSegment);
  const name = segments.at(-1) ?? "";
  if (segments[0] === "agents" && segments.length > 1) return true;
  if (segments.some((segment) => protectedFolders.has(segment))) return true;
  if (protectedFiles.has(name)) return true;
  if (segments.some((segment) => segment.startsWith(".env"))) return true;
  return name.startsWith(".git") && !ordinaryGitFiles.has(name);
}
