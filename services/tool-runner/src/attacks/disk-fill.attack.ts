// Private folders and single files, filled or stretched as far as they go.
import { execFileSync } from "node:child_process";
import { join } from "node:path";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const diskFill: RunnerAttack = {
  id: "disk-fill",
  title: "fill the private folders, and make a file of 1 TB",
  stride: "D",
  layer: "limit",
  against: "box",
  limits: { tmpBytes: 4 * 1024 * 1024 },
  attempt: (target) =>
    target.py(`
def fill(path):
  with open(path, "wb", buffering=0) as file:
    for _part in range(256): file.write(bytes(1 << 20))
found["tmp"] = attempt(lambda: fill("/tmp/fill"))
found["home"] = attempt(lambda: fill(os.environ["HOME"] + "/fill"))
found["shm"] = attempt(lambda: fill("/dev/shm/fill"))
found["bounded"] = os.path.getsize("/tmp/fill") <= 4 << 20
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
open("sparse", "w").close()
found["sparse"] = attempt(lambda: os.truncate("sparse", 1 << 40))
os.unlink("sparse")`),
  blocked: () => ({ tmp: "ENOSPC", home: "ENOSPC", shm: "ENOSPC", bounded: true, sparse: "EFBIG" }),
  audit: () => [],
  planted: {
    async attempt({ outside }) {
      // It takes no blocks, but shows that the file system itself does not object.
      execFileSync("/usr/bin/truncate", ["-s", "1T", join(outside, "sparse")]);
      return true;
    },
    gives: () => true,
  },
};
