// A process of the same user outside of the box is a target for signals.
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

import type { RunnerAttack } from "../testing/attack-target.ts";

export const killBystander: RunnerAttack = {
  id: "kill-bystander",
  title: "kill a process of the host",
  stride: "D",
  layer: "namespace",
  against: "box",
  async attempt(target) {
    const { isRoot, uid } = target;
    const user = isRoot && target.isConfined ? { uid: uid.outside } : {};
    const bystander = spawn("/usr/bin/sleep", ["60"], { stdio: "ignore", ...user });
    const gone = new Promise<boolean>((resolve) => bystander.once("exit", () => resolve(true)));
    try {
      const found = await target.py(`
found["bystander"] = attempt(lambda: os.kill(${bystander.pid}, signal.SIGKILL))
found["runner"] = attempt(lambda: os.kill(${process.pid}, 0))`);
      return { found, gone: await Promise.race([gone, sleep(100).then(() => false)]) };
    } finally {
      bystander.kill("SIGKILL");
    }
  },
  blocked: () => ({ found: { bystander: "ESRCH", runner: "ESRCH" }, gone: false }),
  audit: () => [],
  planted: { gives: () => ({ found: { bystander: "ok", runner: "ok" }, gone: true }) },
};
