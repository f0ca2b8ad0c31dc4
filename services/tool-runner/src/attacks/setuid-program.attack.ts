// A program that would run as another user, made by the payload.
import { statSync } from "node:fs";

import type { RunnerAttack } from "../testing/attack-target.ts";

const none = "0000000000000000";

export const setuidProgram: RunnerAttack = {
  id: "setuid-program",
  title: "gain rights by a setuid program or a capability",
  stride: "E",
  layer: "user",
  against: "box",
  async attempt(target) {
    const found = await target.py(`
subprocess.run(["cp", "/usr/bin/id", "id"], check=True)
os.chmod("id", 0o4755)
found["id"] = int(subprocess.run(["./id", "-u"], capture_output=True, text=True).stdout)
status = dict(line.split(":\\t") for line in read("/proc/self/status").split("\\n") if ":\\t" in line)
found["held"] = {name: status[name] for name in ("NoNewPrivs", "CapEff", "CapPrm", "CapBnd")}
found["root"] = attempt(lambda: os.setuid(0)) == "ok"`);
    // Whoever else runs on this machine must not get to the file.
    const { mode } = statSync(target.open.stateDir);
    return { found, open: mode & 0o077 };
  },
  blocked: ({ uid }) => ({
    found: { id: uid.inside, root: false, held: { NoNewPrivs: "1", CapEff: none, CapPrm: none, CapBnd: none } },
    open: 0,
  }),
  audit: () => [],
  planted: {
    attempt: async (target) => (await target.sh("grep NoNewPrivs /proc/self/status")).trim(),
    gives: () => "NoNewPrivs:\t0",
  },
};
