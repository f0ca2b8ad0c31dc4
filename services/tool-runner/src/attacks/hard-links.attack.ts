// A second name for a file of the host would carry it into the working tree.
import { join } from "node:path";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const hardLinks: RunnerAttack = {
  id: "hard-links",
  title: "link a file of the host into the working tree",
  stride: "T",
  layer: "mount",
  against: "box",
  attempt: (target) =>
    target.py(`
found["secret"] = attempt(lambda: os.link(${JSON.stringify(join(target.outside, "secret"))}, "stolen"))
found["system"] = attempt(lambda: os.link(os.path.realpath("/bin/sh"), "stolen-sh"))
found["system"] = "refused" if found["system"] in ("EXDEV", "EPERM", "EROFS") else found["system"]`),
  blocked: () => ({ secret: "ENOENT", system: "refused" }),
  audit: () => [],
  planted: {
    attempt: (target) =>
      target.py(
        `found["secret"] = attempt(lambda: os.link(${JSON.stringify(join(target.outside, "secret"))}, "stolen"))`,
      ),
    gives: () => ({ secret: "ok" }),
  },
};
