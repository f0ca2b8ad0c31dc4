// What a path is for, by the habits of many projects: ranking weighs source above the rest.

export type PathClass = "source" | "test" | "docs" | "example" | "config" | "generated" | "vendored" | "changelog";

const vendored = /(?:^|\/)(?:node_modules|vendor|third[_-]?party|bower_components|external|deps|\.yarn|Pods)\//u;
const generated =
  /(?:^|\/)(?:dist|generated|__generated__|gen)\/|\.min\.(?:js|css)$|\.(?:pb|g|freezed|generated)\.[a-z]+$|_pb2(?:_grpc)?\.pyi?$|\.snap$|(?:^|\/)__snapshots__\//u;
const lockFile =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|poetry\.lock|uv\.lock|Pipfile\.lock|Cargo\.lock|Gemfile\.lock|composer\.lock|go\.sum|flake\.lock|packages\.lock\.json)$/u;
const test =
  /(?:^|\/)(?:tests?|specs?|__tests__|__mocks__|testing|e2e|playground|fixtures?|__fixtures__|testdata|test-d|benchmarks?)\/|(?:^|\/)(?:test_[^/]+|conftest)\.py$|[._-](?:test|tests|spec|e2e|bench)\.[a-z]+$|_test\.(?:go|py|rb|exs|dart|cc|cpp|c)$|_spec\.rb$|(?:^|\/)[^/]*(?:Tests?|Spec|IT)\.(?:java|kt|cs|php|scala|swift|groovy)$/u;
const example = /(?:^|\/)(?:examples?|samples?|demos?|sandbox|templates?|create-[^/]+\/template-[^/]+)\//u;
const changelog = /(?:^|\/)(?:changelog|changes|history|releases?|news|authors|contributors)(?:\.[a-z]+)?$/iu;
const docs =
  /(?:^|\/)(?:docs?|documentation|website|site)\/|\.(?:md|mdx|markdown|rst|adoc|txt)$|(?:^|\/)licen[cs]e[^/]*$/iu;
const config =
  /(?:^|\/)\.[^/]+(?:\/|$)|\.(?:json|jsonc|json5|ya?ml|toml|ini|cfg|xml|properties|lock)$|(?:^|\/)(?:Dockerfile|Makefile)$|\.config\.[cm]?[jt]s$/u;

/** Class of a path; the first that fits, from the strongest sign to the weakest. */
export function classifyPath(path: string): PathClass {
  if (vendored.test(path)) return "vendored";
  if (generated.test(path) || lockFile.test(path)) return "generated";
  if (changelog.test(path)) return "changelog";
  if (test.test(path)) return "test";
  if (/(?:^|\/)CMakeLists\.txt$|(?:^|\/)requirements[^/]*\.txt$/u.test(path)) return "config";
  if (docs.test(path)) return "docs";
  if (example.test(path)) return "example";
  return config.test(path) ? "config" : "source";
}

const secretName =
  /(?:^|\/)(?:\.env(?:\.(?!example$|sample$|template$|dist$)[^/]*)?|\.npmrc|\.pypirc|\.netrc|\.git-credentials|id_(?:rsa|dsa|ecdsa|ed25519)|credentials(?:\.json)?|[^/]*\.(?:pem|key|p12|pfx|jks|keystore|kdbx))$/iu;

/** Whether a file's name says that it holds secrets; its text never enters the index. */
export function isSecretName(path: string): boolean {
  return secretName.test(path);
}

export { lockFile as lockFilePattern };
