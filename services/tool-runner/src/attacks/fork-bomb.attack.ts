// Processes without end.
import { markedSleep, survivors } from "../testing/marked-sleep.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const forkBomb: RunnerAttack = {
  id: "fork-bomb",
  title: "fill the table of processes",
  stride: "D",
  layer: "limit",
  against: "box",
  limits: { processes: 40 },
  async attempt(target) {
    const { mark } = markedSleep();
    const found = (await target.py(`
mark = "${mark}"
made = 0
try:
  while made < 2000:
    if os.fork() == 0: time.sleep(60); os._exit(0)
    made += 1
except OSError as e: found["error"] = errno.errorcode[e.errno]
found["bounded"] = made < 40
tell()
os._exit(1)`)) as object;
    return { ...found, survivors: (await survivors(mark)).length };
  },
  blocked: () => ({ error: "EAGAIN", bounded: true, survivors: 0 }),
  audit: ({ sees }) => (sees.processes ? [["limit", "processes"]] : []),
  planted: { unsafe: "without a bound the machine itself would have no processes left" },
};
