// What a run leaves in its private folders would reach the next one.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const leftBehind: RunnerAttack = {
  id: "left-behind",
  title: "leave something for the next run outside of the working tree",
  stride: "T",
  layer: "mount",
  against: "box",
  async attempt(target) {
    const made = await target.sh(`for d in /tmp "$HOME" /dev/shm .; do echo x > $d/ossaat-left && echo made; done`);
    const found = (await target.py(`
places = {"tmp": "/tmp", "home": os.environ["HOME"], "shm": "/dev/shm", "tree": "."}
found["left"] = [name for name, path in places.items() if os.path.exists(path + "/ossaat-left")]
for path in places.values(): attempt(lambda: os.unlink(path + "/ossaat-left"))`)) as object;
    return { made: made.split("\n").length, ...found };
  },
  blocked: () => ({ made: 4, left: ["tree"] }),
  audit: () => [],
  planted: { gives: () => ({ made: 4, left: ["tmp", "home", "shm", "tree"] }) },
};
