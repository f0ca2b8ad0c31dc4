// Python manifests: which runner the project's own files name.
import { beside, noFacts } from "./manifest.ts";
import type { FoundCommand, ManifestFacts, ManifestInput, ManifestReader } from "./manifest.ts";

const names = new Set([
  "pyproject.toml",
  "setup.py",
  "setup.cfg",
  "tox.ini",
  "pytest.ini",
  "noxfile.py",
  "manage.py",
  "Pipfile",
]);

function isRequirements(name: string): boolean {
  return /^requirements[\w.-]*\.txt$/u.test(name);
}

function testFolder(folder: string): string[] {
  return folder === "" ? [] : [folder];
}

function hasTestFiles({ paths, folder }: ManifestInput): boolean {
  const prefix = folder === "" ? "" : `${folder}/`;
  return paths.some((path) => path.startsWith(prefix) && /(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$/u.test(path));
}

function managersOf(input: ManifestInput, name: string): string[] {
  if (name === "Pipfile") return ["pipenv"];
  if (input.has(beside(input, "uv.lock")) || /^\[tool\.uv\b/mu.test(input.text)) return ["uv"];
  if (input.has(beside(input, "poetry.lock")) || /^\[tool\.poetry\b/mu.test(input.text)) return ["poetry"];
  return name === "tox.ini" || name === "pytest.ini" || name === "noxfile.py" ? [] : ["pip"];
}

function namesPytest(input: ManifestInput): boolean {
  const names = ["pytest.ini", "conftest.py", "tests/conftest.py", "test/conftest.py"];
  return /\bpytest\b/u.test(input.text) || names.some((name) => input.has(beside(input, name)));
}

function testsOf(input: ManifestInput, name: string, managers: readonly string[]): FoundCommand[] {
  const { path: source, folder } = input;
  if (name === "manage.py") return [{ argv: ["python3", source, "test"], source }];
  if (name === "noxfile.py") return [{ argv: ["nox"], source }];
  const found: FoundCommand[] = [];
  if (namesPytest(input)) {
    const pytest = ["python3", "-m", "pytest", ...testFolder(folder)];
    found.push({ argv: pytest, source });
    const runner = managers.find((manager) => manager === "uv" || manager === "poetry");
    if (runner !== undefined) found.push({ argv: [runner, "run", "pytest", ...testFolder(folder)], source });
  } else if (!isRequirements(name) && hasTestFiles(input)) {
    const where = folder === "" ? [] : ["-s", folder];
    found.push({ argv: ["python3", "-m", "unittest", "discover", ...where], source });
  }
  if (name === "tox.ini" || /^\[tool\.tox\b/mu.test(input.text)) found.push({ argv: ["tox"], source });
  return found;
}

export const pythonReader: ManifestReader = {
  matches: (name) => names.has(name) || isRequirements(name),
  read(input): ManifestFacts {
    const name = input.path.slice(input.path.lastIndexOf("/") + 1);
    const managers = managersOf(input, name);
    const builds =
      name === "pyproject.toml" && /^\[build-system\]/mu.test(input.text)
        ? [{ argv: ["python3", "-m", "build", ...testFolder(input.folder)], source: input.path }]
        : [];
    return { ...noFacts, managers, tests: testsOf(input, name, managers), builds };
  },
};
