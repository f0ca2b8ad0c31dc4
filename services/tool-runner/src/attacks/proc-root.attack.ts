// The roots, folders and environments of other processes, by /proc.
import { join } from "node:path";

import { secretText } from "../testing/attack-target.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const procRoot: RunnerAttack = {
  id: "proc-root",
  title: "reach the host through /proc of other processes",
  stride: "E",
  layer: "namespace",
  against: "box",
  attempt: (target) =>
    target.py(`
pids = [name for name in os.listdir("/proc") if name.isdigit()]
roots = ["/proc/%s/root" % pid for pid in pids] + ["/proc/%s/cwd" % pid for pid in pids]
found["secret"] = any(read(root + ${JSON.stringify(join(target.outside, "secret"))}) == ${JSON.stringify(secretText)} for root in roots)
found["environment"] = any("VITEST" in read("/proc/%s/environ" % pid) for pid in pids)
found["processes"] = len(pids) < 10`),
  blocked: () => ({ secret: false, environment: false, processes: true }),
  audit: () => [],
  planted: {
    attempt: (target) =>
      target.py(`
found["secret"] = read("/proc/self/root" + ${JSON.stringify(join(target.outside, "secret"))}) == ${JSON.stringify(secretText)}
found["runner"] = os.path.exists("/proc/${process.pid}")`),
    gives: () => ({ secret: true, runner: true }),
  },
};
