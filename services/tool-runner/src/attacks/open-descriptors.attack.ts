// Descriptors of the runner that a payload could inherit.
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

import { pythonProgram } from "../testing/python-probe.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

// The listing itself holds one more while it is read.
const script = `
found["open"] = sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]
found["input"] = sys.stdin.read()`;

export const openDescriptors: RunnerAttack = {
  id: "open-descriptors",
  title: "use a descriptor that the runner left open",
  stride: "E",
  layer: "environment",
  against: "box",
  async attempt(target) {
    const fd = openSync(join(target.outside, "secret"), "r");
    try {
      return await target.py(script);
    } finally {
      closeSync(fd);
    }
  },
  blocked: () => ({ open: [0, 1, 2], input: "" }),
  audit: () => [],
  planted: {
    async attempt(target) {
      const fd = openSync(join(target.outside, "secret"), "r");
      const argv = ["-c", pythonProgram(script)];
      const { stdout } = spawnSync("/usr/bin/python3", argv, {
        stdio: ["ignore", "pipe", "pipe", fd],
        encoding: "utf8",
      });
      closeSync(fd);
      return stdout.includes("[0, 1, 2, 3");
    },
    gives: () => true,
  },
};
