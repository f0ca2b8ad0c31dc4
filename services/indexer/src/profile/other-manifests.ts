// Manifests of the other ecosystems: their tools have one usual command each.
import { beside, noFacts } from "./manifest.ts";
import type { ManifestFacts, ManifestInput, ManifestReader } from "./manifest.ts";

type Argv = { test?: string[]; build?: string[] };

function facts(input: ManifestInput, manager: string, { test, build }: Argv): ManifestFacts {
  const source = input.path;
  return {
    managers: [manager],
    tests: test === undefined ? [] : [{ argv: test, source }],
    builds: build === undefined ? [] : [{ argv: build, source }],
  };
}

function within(input: ManifestInput, flag: string): string[] {
  return input.folder === "" ? [] : [flag, input.folder];
}

const go: ManifestReader = {
  matches: (name) => name === "go.mod",
  read: (input) => {
    const go = ["go", ...within(input, "-C")];
    return facts(input, "go", { test: [...go, "test", "./..."], build: [...go, "build", "./..."] });
  },
};

const cargo: ManifestReader = {
  matches: (name) => name === "Cargo.toml",
  read: (input) => {
    const manifest = input.folder === "" ? [] : ["--manifest-path", input.path];
    const all = /^\[workspace\]/mu.test(input.text) ? ["--workspace"] : [];
    const argv = (verb: string) => ["cargo", verb, ...manifest, ...all];
    return facts(input, "cargo", { test: argv("test"), build: argv("build") });
  },
};

const maven: ManifestReader = {
  matches: (name) => name === "pom.xml",
  read: (input) => {
    const wrapper = beside(input, "mvnw");
    const maven = input.has(wrapper) ? [`./${wrapper}`] : ["mvn"];
    const file = input.folder === "" ? [] : ["-f", input.path];
    const argv = (goal: string) => [...maven, ...file, "-q", goal];
    return facts(input, "maven", { test: argv("test"), build: argv("compile") });
  },
};

const gradle: ManifestReader = {
  matches: (name) => /^(?:settings|build)\.gradle(?:\.kts)?$/u.test(name),
  read: (input) => {
    const wrapper = beside(input, "gradlew");
    const argv = (task: string) => [input.has(wrapper) ? `./${wrapper}` : "gradle", ...within(input, "-p"), task];
    return facts(input, "gradle", { test: argv("test"), build: argv("assemble") });
  },
};

function hasBelow({ paths, folder }: ManifestInput, inside: string): boolean {
  const prefix = folder === "" ? inside : `${folder}/${inside}`;
  return paths.some((path) => path.startsWith(prefix));
}

const bundler: ManifestReader = {
  matches: (name) => name === "Gemfile",
  read: (input) => {
    if (input.folder !== "") return facts(input, "bundler", {});
    const usesRspec = /\brspec\b/u.test(input.text) || hasBelow(input, "spec/");
    if (usesRspec) return facts(input, "bundler", { test: ["bundle", "exec", "rspec"] });
    return facts(input, "bundler", input.has("Rakefile") ? { test: ["bundle", "exec", "rake", "test"] } : {});
  },
};

const composer: ManifestReader = {
  matches: (name) => name === "composer.json",
  read: (input) => {
    if (/"scripts"\s*:[\s\S]*"test"\s*:/u.test(input.text)) {
      return facts(input, "composer", { test: ["composer", ...within(input, "--working-dir"), "test"] });
    }
    const configured = ["phpunit.xml", "phpunit.xml.dist"].some((name) => input.has(beside(input, name)));
    return facts(input, "composer", configured ? { test: [beside(input, "vendor/bin/phpunit")] } : {});
  },
};

const cmake: ManifestReader = {
  matches: (name) => name === "CMakeLists.txt",
  read: (input) => {
    const source = input.folder === "" ? "." : input.folder;
    const test = /\b(?:enable_testing|include\s*\(\s*CTest)/iu.test(input.text)
      ? { test: ["ctest", "--test-dir", "build"] }
      : {};
    return facts(input, "cmake", { ...test, build: ["cmake", "-S", source, "-B", "build"] });
  },
};

const make: ManifestReader = {
  matches: (name) => /^(?:GNUmakefile|[Mm]akefile)$/u.test(name),
  read: (input) => {
    const target = (names: readonly string[]) =>
      names.find((name) => new RegExp(`^${name}\\s*:(?!=)`, "mu").test(input.text));
    const argv = (name: string) => ["make", ...within(input, "-C"), name];
    const test = target(["test", "tests", "check"]);
    const build = target(["build", "all"]);
    return facts(input, "make", {
      ...(test === undefined ? {} : { test: argv(test) }),
      ...(build === undefined ? {} : { build: argv(build) }),
    });
  },
};

const dotnet: ManifestReader = {
  matches: (name) => /\.(?:sln|slnx)$/u.test(name),
  read: (input) =>
    facts(input, "nuget", { test: ["dotnet", "test", input.path], build: ["dotnet", "build", input.path] }),
};

const mix: ManifestReader = {
  matches: (name) => name === "mix.exs",
  read: (input) =>
    input.folder === "" ? facts(input, "mix", { test: ["mix", "test"], build: ["mix", "compile"] }) : noFacts,
};

const swift: ManifestReader = {
  matches: (name) => name === "Package.swift",
  read: (input) => {
    const where = within(input, "--package-path");
    return facts(input, "swift", { test: ["swift", "test", ...where], build: ["swift", "build", ...where] });
  },
};

/** Make comes last: its targets most often wrap the commands above. */
export const otherReaders: readonly ManifestReader[] = [
  go,
  cargo,
  maven,
  gradle,
  bundler,
  composer,
  dotnet,
  mix,
  swift,
  cmake,
  make,
];
