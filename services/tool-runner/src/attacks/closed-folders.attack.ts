// Folders closed to their owner, so that the host cannot look into them.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const closedFolders: RunnerAttack = {
  id: "closed-folders",
  title: "close folders, the working tree itself among them, to the host's checks",
  stride: "T",
  layer: "git hygiene",
  against: "box",
  async attempt(target) {
    await target.sh("mkdir -p shut/.git; echo x > shut/.git/config; echo y > shut/f; chmod 0 shut; chmod 0 .");
    const { state } = await target.call("read_file", { path: "a.txt" });
    return { state, left: ["shut/.git", "shut/f"].filter((path) => target.open.has(path)) };
  },
  blocked: () => ({ state: "completed", left: ["shut/f"] }),
  audit: () => [["git", "planted_repository"]],
  planted: {
    async attempt({ open }) {
      const shut = join(open.tree, "shut");
      mkdirSync(shut);
      writeFileSync(join(shut, "f"), "x");
      chmodSync(shut, 0);
      try {
        return readdirSync(shut).length;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      } finally {
        chmodSync(shut, 0o700);
      }
    },
    // Root is let through every closed folder.
    gives: ({ isRoot }) => (isRoot ? 1 : "EACCES"),
  },
};
