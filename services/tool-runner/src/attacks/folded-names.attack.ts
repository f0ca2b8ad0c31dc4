// Names that a case-insensitive or normalising file system takes for a git dir or a protected file.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { RunnerAttack } from "../testing/attack-target.ts";

const gitNames = [
  ".GIT/hooks/pre-commit",
  ".git./config",
  ".g\u{200c}it/config",
  "git~1/config",
  ".\u{ff27}IT/config",
  ".git::$INDEX_ALLOCATION/config",
  "src/.Git/HEAD",
];
const protectedNames = [
  ".GITHUB/workflows/x.yml",
  ".github./workflows/x.yml",
  "Agents.MD",
  ".ENV",
  "src/.git\u{200d}attributes",
];
const spellings = [...gitNames, ...protectedNames];

export const foldedNames: RunnerAttack = {
  id: "folded-names",

  title: "reach .git and .github by other spellings",
  stride: "E",
  layer: "policy",
  against: "host",
  async attempt(target) {
    const before = readdirSync(target.open.tree, { recursive: true }).length;
    for (const path of spellings) await target.call("write_file", { path, content: "x" });
    return { written: readdirSync(target.open.tree, { recursive: true }).length - before };
  },
  blocked: () => ({ written: 0 }),
  audit: () => [
    ...gitNames.map(() => ["envelope", "outside_envelope"] as const),
    ...protectedNames.map(() => ["envelope", "protected_path"] as const),
  ],
  planted: {
    async attempt({ open }) {
      const passed = spellings.filter((path) => !path.split("/").some((name) => name === ".git" || name === ".github"));
      for (const path of passed) {
        mkdirSync(dirname(join(open.tree, path)), { recursive: true });
        writeFileSync(join(open.tree, path), "x");
      }
      return { written: passed.length };
    },
    gives: () => ({ written: spellings.length }),
  },
};
