// What a payload makes belongs to nobody of the host but the box's own user.
import { statSync } from "node:fs";
import { join } from "node:path";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const identity: RunnerAttack = {
  id: "identity",
  title: "make files as another user than the box's",
  stride: "S",
  layer: "user",
  against: "box",
  async attempt(target) {
    const id = await target.sh("echo x > made; echo more >> a.txt; id -u; id -G");
    const owner = (name: string) => statSync(join(target.open.tree, name)).uid;
    return { id, owners: [owner("made"), owner("a.txt")] };
  },
  blocked: ({ uid }) => ({ id: `${uid.inside}\n${uid.inside}`, owners: [uid.outside, uid.outside] }),
  audit: () => [],
  planted: {
    attempt: async (target) => Number((await target.sh("id -u")).trim()) === process.getuid?.(),
    gives: () => true,
  },
};
