// The groups that hold the limits, looked for to leave or loosen them.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const controlGroups: RunnerAttack = {
  id: "control-groups",
  title: "leave or loosen the control group of the limits",
  stride: "E",
  layer: "mount",
  against: "box",
  attempt: (target) =>
    target.py(`
found["writable"] = []
for top, folders, files in os.walk("/sys/fs/cgroup"):
  found["writable"] += [os.path.join(top, name) for name in files if os.access(os.path.join(top, name), os.W_OK)]
found["made"] = attempt(lambda: os.mkdir("/sys/fs/cgroup/memory/evil")) == "ok"
found["agent"] = open_for_writing("/sys/fs/cgroup/memory/release_agent") == "ok"
found["sys"] = [name for name in ("/sys/kernel/uevent_helper", "/sys/power/state") if open_for_writing(name) == "ok"]`),
  blocked: () => ({ writable: [], made: false, agent: false, sys: [] }),
  audit: () => [],
  planted: {
    attempt: (target) =>
      target.py(`found["seen"] = os.path.isdir("/sys/fs/cgroup") and len(os.listdir("/sys/fs/cgroup")) > 0`),
    gives: () => ({ seen: true }),
  },
};
