// Files without end: each empty, and together all that the file system can name.
import { readdirSync } from "node:fs";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const inodeFlood: RunnerAttack = {
  id: "inode-flood",
  title: "fill the disk with empty files",
  stride: "D",
  layer: "limit",
  against: "box",
  limits: { treeEntries: 5_000 },
  files: { "ignored/.gitignore": "*\n!.gitignore\n" },
  async attempt(target) {
    const { tree } = target.open;
    const count = () => readdirSync(tree, { recursive: true }).length;
    const before = count();
    // Hidden from git, and on without end: only who looks at the disk can end it.
    const found = await target.py(`
made = 0
while True:
  os.makedirs("ignored/" + str(made))
  for number in range(1000): open("ignored/%d/%d" % (made, number), "w").close()
  made += 1
  if made > 40: time.sleep(0.05)
  if made > 60: time.sleep(60)`);
    const { text } = await target.call("run_command", { argv: ["true"] });
    return { found, left: count() - before, next: text.split(" ").slice(0, 2).join(" ") };
  },
  blocked: () => ({
    found: { state: "completed", code: undefined, exitCode: null, signal: "SIGKILL" },
    left: 0,
    next: "[exited 0",
  }),
  audit: () => [["limit", "files"]],
  planted: {
    // A flood that nobody bounds, made small.
    async attempt(target) {
      return target.py(`
for number in range(2000): open("flood-%d" % number, "w").close()
found["made"] = len(os.listdir("."))>2000`);
    },
    gives: () => ({ made: true }),
  },
};
