// Language of a file by its name. `grammar` names the tree-sitter grammar, when there is one.

export type Grammar =
  | "typescript"
  | "tsx"
  | "javascript"
  | "python"
  | "go"
  | "rust"
  | "java"
  | "cpp"
  | "c-sharp"
  | "ruby"
  | "php"
  | "bash";

export type Language = { name: string; grammar?: Grammar; isCode: boolean };

function code(name: string, grammar?: Grammar): Language {
  return grammar === undefined ? { name, isCode: true } : { name, grammar, isCode: true };
}

function text(name: string): Language {
  return { name, isCode: false };
}

const byExtension: Readonly<Record<string, Language>> = {
  ...Object.fromEntries(["ts", "mts", "cts"].map((ext) => [ext, code("TypeScript", "typescript")])),
  tsx: code("TypeScript", "tsx"),
  ...Object.fromEntries(["js", "mjs", "cjs", "jsx"].map((ext) => [ext, code("JavaScript", "javascript")])),
  ...Object.fromEntries(["py", "pyi", "pyw"].map((ext) => [ext, code("Python", "python")])),
  go: code("Go", "go"),
  rs: code("Rust", "rust"),
  java: code("Java", "java"),
  ...Object.fromEntries(["c", "h"].map((ext) => [ext, code("C", "cpp")])),
  ...Object.fromEntries(["cc", "cpp", "cxx", "hh", "hpp", "hxx", "ino", "cu"].map((ext) => [ext, code("C++", "cpp")])),
  cs: code("C#", "c-sharp"),
  ...Object.fromEntries(["rb", "rake", "gemspec"].map((ext) => [ext, code("Ruby", "ruby")])),
  php: code("PHP", "php"),
  ...Object.fromEntries(["sh", "bash", "zsh"].map((ext) => [ext, code("Shell", "bash")])),
  ...Object.fromEntries(["kt", "kts"].map((ext) => [ext, code("Kotlin")])),
  swift: code("Swift"),
  ...Object.fromEntries(["scala", "sc"].map((ext) => [ext, code("Scala")])),
  dart: code("Dart"),
  lua: code("Lua"),
  ...Object.fromEntries(["ex", "exs"].map((ext) => [ext, code("Elixir")])),
  ...Object.fromEntries(["erl", "hrl"].map((ext) => [ext, code("Erlang")])),
  ...Object.fromEntries(["clj", "cljs", "cljc"].map((ext) => [ext, code("Clojure")])),
  hs: code("Haskell"),
  ...Object.fromEntries(["ml", "mli"].map((ext) => [ext, code("OCaml")])),
  ...Object.fromEntries(["fs", "fsx"].map((ext) => [ext, code("F#")])),
  vb: code("Visual Basic"),
  ...Object.fromEntries(["m", "mm"].map((ext) => [ext, code("Objective-C")])),
  ...Object.fromEntries(["pl", "pm"].map((ext) => [ext, code("Perl")])),
  r: code("R"),
  jl: code("Julia"),
  zig: code("Zig"),
  nim: code("Nim"),
  groovy: code("Groovy"),
  gradle: code("Gradle"),
  vue: code("Vue"),
  svelte: code("Svelte"),
  astro: code("Astro"),
  sql: code("SQL"),
  proto: code("Protocol Buffers"),
  graphql: code("GraphQL"),
  rego: code("Rego"),
  tf: code("Terraform"),
  ps1: code("PowerShell"),
  ...Object.fromEntries(["css", "scss", "sass", "less"].map((ext) => [ext, code("CSS")])),
  ...Object.fromEntries(["html", "htm"].map((ext) => [ext, code("HTML")])),
  ...Object.fromEntries(["md", "mdx", "markdown"].map((ext) => [ext, text("Markdown")])),
  ...Object.fromEntries(["rst", "adoc", "txt"].map((ext) => [ext, text("Text")])),
  ...Object.fromEntries(["json", "jsonc", "json5"].map((ext) => [ext, text("JSON")])),
  ...Object.fromEntries(["yml", "yaml"].map((ext) => [ext, text("YAML")])),
  toml: text("TOML"),
  xml: text("XML"),
};

const byName: Readonly<Record<string, Language>> = {
  makefile: text("Makefile"),
  gnumakefile: text("Makefile"),
  dockerfile: text("Dockerfile"),
  rakefile: code("Ruby", "ruby"),
  gemfile: code("Ruby", "ruby"),
  "cmakelists.txt": text("CMake"),
  jenkinsfile: code("Groovy"),
};

/** Language of a path, or undefined when neither its name nor its extension is known. */
export function languageOf(path: string): Language | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const named = Object.hasOwn(byName, name) ? byName[name] : undefined;
  if (named !== undefined) return named;
  const dot = name.lastIndexOf(".");
  const extension = dot < 0 ? "" : name.slice(dot + 1);
  return Object.hasOwn(byExtension, extension) ? byExtension[extension] : undefined;
}
