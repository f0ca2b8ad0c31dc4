// Paths through the kernel's own links: /proc/self and /dev/fd, named or planted.
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { secretText } from "../testing/attack-target.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

const named = ["/proc/self/root/etc/passwd", "/proc/self/cwd/x", "/proc/self/fd/3", "/dev/fd/0", "/proc/1/environ"];

export const procPathArguments: RunnerAttack = {
  id: "proc-path-arguments",

  title: "read the host through /proc and /dev/fd paths",
  stride: "I",
  layer: "runner check",
  against: "host",
  async attempt(target) {
    symlinkSync("/proc/self/root", join(target.open.tree, "root"));
    symlinkSync("/proc/self/cwd", join(target.open.tree, "cwd"));
    const texts: string[] = [];
    for (const path of [...named, `root${target.outside}/secret`, `cwd/${target.outside}/secret`]) {
      texts.push((await target.call("read_file", { path })).text);
    }
    return { leaked: texts.some((text) => text.includes(secretText) || text.includes("root:")) };
  },
  blocked: () => ({ leaked: false }),
  audit: () => [...named.map(() => ["envelope", "outside_envelope"] as const), ["files", "link"], ["files", "link"]],
  planted: {
    async attempt(target) {
      symlinkSync("/proc/self/root", join(target.open.tree, "root"));
      const text = readFileSync(join(target.open.tree, `root${target.outside}/secret`), "utf8");
      return { leaked: text.includes(secretText) };
    },
    gives: () => ({ leaked: true }),
  },
};
