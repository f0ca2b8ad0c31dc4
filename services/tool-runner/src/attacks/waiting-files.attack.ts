// A named pipe in the working tree holds whoever opens it without thinking.
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const waitingFiles: RunnerAttack = {
  id: "waiting-files",

  title: "hang the host's reader with a named pipe",
  stride: "D",
  layer: "runner check",
  against: "host",
  async attempt(target) {
    execFileSync("/usr/bin/mkfifo", [join(target.open.tree, "pipe"), join(target.open.tree, "src/pipe")]);
    const read = await target.call("read_file", { path: "pipe" });
    const wrote = await target.call("write_file", { path: "pipe", content: "x", overwrite: true });
    const searched = await target.call("search_text", { pattern: "one" });
    const listed = await target.call("git_status", {});
    return [read.code, wrote.code, searched.state, listed.state];
  },
  blocked: () => ["invalid_input", "invalid_input", "completed", "completed"],
  audit: () => [
    ["files", "special_file"],
    ["files", "link"],
  ],
  planted: {
    async attempt({ open }) {
      execFileSync("/usr/bin/mkfifo", [join(open.tree, "pipe")]);
      const { error } = spawnSync("/usr/bin/cat", [join(open.tree, "pipe")], { timeout: 300 });
      return error !== undefined && "code" in error ? error.code : "read";
    },
    gives: () => "ETIMEDOUT",
  },
};
