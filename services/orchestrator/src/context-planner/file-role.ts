// What a file is for, and which test file goes with a source file: by name, as people do.

export type FileRole = "source" | "test" | "docs" | "other";

const test =
  /(?:^|\/)(?:tests?|specs?|__tests__|testing|e2e|playground|fixtures?|__fixtures__|testdata|test-d|benchmarks?)\/|(?:^|\/)(?:test_[^/]+|conftest)\.py$|[._-](?:test|tests|spec|e2e|bench|test-d)\.[a-z]+$|_test\.(?:go|py|rb|exs|dart|cc|cpp|c)$|_spec\.rb$|(?:^|\/)[^/]*(?:Tests?|Spec|IT)\.(?:java|kt|cs|php|scala|swift)$/u;
const docs = /(?:^|\/)(?:docs?|documentation|website|site)\/|\.(?:md|mdx|rst|adoc|txt)$/u;
const other =
  /(?:^|\/)(?:node_modules|vendor|third[_-]?party|dist|generated|examples?|samples?|demos?)\/|(?:^|\/)\.[^/]+(?:\/|$)|\.(?:json|ya?ml|toml|ini|cfg|xml|lock|css|html|snap)$|\.config\.[cm]?[jt]s$|(?:^|\/)(?:Dockerfile|Makefile|LICENSE[^/]*)$/u;

/** Role of a path. */
export function roleOf(path: string): FileRole {
  if (/(?:^|\/)(?:requirements[^/]*|CMakeLists)\.txt$/u.test(path)) return "other";
  if (test.test(path)) return "test";
  if (docs.test(path)) return "docs";
  return other.test(path) ? "other" : "source";
}

/** Folder of a path, "" for the top level. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** File name without folder. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function stemOf(path: string): string {
  return nameOf(path)
    .replace(/^test_/u, "")
    .replace(/[._-](?:test|tests|spec|e2e|bench|test-d)(?=\.)/u, "")
    .replace(/(?:_test|_spec|Tests?|Spec|IT)(?=\.[a-z]+$)/u, "")
    .replace(/\.[a-z]+$/u, "")
    .replaceAll(/[-_]/gu, "")
    .toLowerCase();
}

const generalFolders = new Set(["", "src", "lib", "source", "app", "pkg", "internal", "main", "core"]);

/** Folder names two paths have in common; those that every project has do not count. */
export function sharedSegments(left: string, right: string): number {
  const others = new Set(folderOf(right).split("/"));
  return folderOf(left)
    .split("/")
    .filter((segment) => others.has(segment) && !generalFolders.has(segment)).length;
}

const runnable =
  /(?:^|\/)test_[^/]+\.py$|[._-](?:test|tests|spec|test-d)\.\w+$|_(?:test|spec)\.\w+$|(?:Tests?|Spec|IT)\.(?:java|kt|cs|php|scala|swift)$|(?:^|\/)(?:tests?|spec|__tests__)\/(?:[^/]+\/){0,2}[^/]+\.(?:[cm]?[jt]sx?|rs|php|rb|sh|c|cc|cpp)$/u;
const helper = /(?:^|\/)(?:fixtures?|__fixtures__|testdata|helpers?|mocks?|__mocks__|packages|support|data)\//u;

/** Whether a path is a test that runs, and not what tests are made of. */
export function isRunnableTest(path: string): boolean {
  const inTests = path.slice(Math.max(0, path.search(/(?:^|\/)(?:tests?|specs?|__tests__)\//u)));
  return roleOf(path) === "test" && nameOf(path) !== "mod.rs" && runnable.test(path) && !helper.test(inTests);
}

const generalNames = new Set(
  "index main mod lib init utils util helpers helper types common constants base core".split(" "),
);

function isBeside(test: string, source: string): boolean {
  return folderOf(test).replace(/\/(?:__tests__|tests?)$/u, "") === folderOf(source);
}

/** The test file named like the source file, the nearest one when there are several. */
export function testFileFor(source: string, testPaths: readonly string[]): string | undefined {
  const stem = stemOf(source);
  const extension = source.slice(source.lastIndexOf("."));
  const isScript = /^\.[cm]?[jt]sx?$/u.test(extension);
  const like = testPaths.filter(
    (path) =>
      stemOf(path) === stem &&
      (path.endsWith(extension) || (isScript && /\.[cm]?[jt]sx?$/u.test(path))) &&
      isRunnableTest(path) &&
      (!generalNames.has(stem) || isBeside(path, source) || folderOf(path).split("/").length <= 1),
  );
  return like.sort(
    (left, right) => sharedSegments(right, source) - sharedSegments(left, source) || left.length - right.length,
  )[0];
}

/** A path that can stand in a plan: no control or direction marks, no backslash, of bounded length. */
export function isPlainPath(path: string): boolean {
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
  return path.length <= 512 && !/[\u0000-\u001f\u007f-\u009f\\\u200b-\u200f\u202a-\u202e\u2066-\u2069]/u.test(path);
}
