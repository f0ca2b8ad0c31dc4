// Files that steer agents, hooks and pipelines, written by a command that may write everything.
import { runIn } from "../testing/run-in.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const protectedFiles: RunnerAttack = {
  id: "protected-files",
  title: "change what steers agents, hooks and pipelines",
  stride: "E",
  layer: "settling",
  against: "box",
  files: { "AGENTS.md": "ours\n" },
  async attempt(target) {
    await target.sh(
      "mkdir -p .github/workflows .husky; for f in AGENTS.md .github/workflows/x.yml .husky/pre-commit .npmrc allowed.txt; do echo evil > $f; done",
    );
    const left = [".github/workflows/x.yml", ".husky/pre-commit", ".npmrc", "allowed.txt"];
    return { agents: target.open.read("AGENTS.md"), left: left.filter((path) => target.open.has(path)) };
  },
  blocked: () => ({ agents: "ours\n", left: ["allowed.txt"] }),
  audit: () => Array.from({ length: 4 }, () => ["changes", "protected_path"] as const),
  planted: {
    async attempt(target) {
      // A run that nobody settles afterwards.
      await runIn(target.sandbox, target.open.tree, ["sh", "-c", "echo evil > AGENTS.md"]);
      return target.open.read("AGENTS.md");
    },
    gives: () => "evil\n",
  },
};
