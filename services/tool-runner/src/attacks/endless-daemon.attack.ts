// A process that ignores signals and leaves its session, its parent and its output.
import { killMarked, markedSleep, survivors } from "../testing/marked-sleep.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const endlessDaemon: RunnerAttack = {
  id: "endless-daemon",
  title: "outlive the run as a daemon",
  stride: "D",
  layer: "namespace",
  against: "box",
  async attempt(target) {
    const { seconds, mark } = markedSleep();
    const found = await target.py(`
if os.fork() == 0:
  os.setsid()
  if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for fd in (0, 1, 2): os.close(fd)
    os.execv("/bin/sleep", ["sleep", "${seconds}"])
  os._exit(0)
os.wait()
found["parent"] = "done"`);
    const left = await survivors(mark);
    await killMarked(mark);
    return { found, left: left.length };
  },
  blocked: () => ({ found: { parent: "done" }, left: 0 }),
  audit: () => [],
  planted: { gives: () => ({ found: { parent: "done" }, left: 1 }) },
};
