// The module whose build fills the first cache of a Go toolchain: what most programs and their
// tests import of the standard library. Nothing of a user or an agent is in it.

const packages = [
  "bufio bytes context crypto/sha256 encoding/base64 encoding/csv encoding/hex encoding/json errors flag fmt",
  "html/template io log log/slog math math/rand net/http/httptest net/url os os/exec os/signal path/filepath",
  "reflect regexp slices sort strconv strings sync testing text/tabwriter time unicode/utf8",
].flatMap((names) => names.split(" "));

/** Newer packages that an older toolchain may lack. */
const newer = ["log/slog", "slices"];

/** File of the module by name. */
export function goSeedFiles(): Readonly<Record<string, string>> {
  const file = (names: readonly string[], tag: string) =>
    `${tag}package seed\n\nimport (\n${names.map((name) => `\t_ "${name}"\n`).join("")})\n`;
  return {
    "go.mod": "module seed\n\ngo 1.18\n",
    "seed_test.go": file(
      packages.filter((name) => !newer.includes(name)),
      "",
    ),
    "newer_test.go": file(newer, "//go:build go1.21\n\n"),
  };
}
