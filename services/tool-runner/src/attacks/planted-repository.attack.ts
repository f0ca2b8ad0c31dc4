// Repositories whose configuration names programs, put where the host's git will look.
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { runIn } from "../testing/run-in.ts";
import { gitIn } from "../testing/user-repository.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

/** A git dir as folder, as file and nested, each with a configuration that starts a program. */
const plant = (ran: string) => `
make() { mkdir -p "$1/objects" "$1/refs"; echo "ref: refs/heads/main" > "$1/HEAD"
  printf '[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = "touch ${ran}; true"\n\tpager = touch ${ran}\n[diff]\n\texternal = touch ${ran}\n' > "$1/config"; }
make src/.git; make evil.git; make evil.git/nested/.GIT
echo "gitdir: $PWD/evil.git" > .git`;

export const plantedRepository: RunnerAttack = {
  id: "planted-repository",
  title: "have the host's git run a program from a planted repository",
  stride: "E",
  layer: "git hygiene",
  against: "box",
  async attempt(target) {
    await target.sh(plant(join(target.outside, "ran")));
    for (const tool of ["git_status", "git_diff", "git_log", "list_files"] as const) await target.call(tool, {});
    return readdirSync(target.outside).sort();
  },
  blocked: () => ["secret"],
  audit: () => [
    ["git", "planted_repository"],
    ["git", "planted_repository"],
    ["git", "planted_repository"],
  ],
  planted: {
    async attempt(target) {
      // A run that nobody cleans up after.
      const script = `${plant(join(target.outside, "ran"))}; rm -f .git; mv evil.git .git`;
      await runIn(target.sandbox, target.open.tree, ["sh", "-c", script]);
      gitIn(target.open.tree, ["status"]);
      return readdirSync(target.outside).sort();
    },
    gives: () => ["ran", "secret"],
  },
};
