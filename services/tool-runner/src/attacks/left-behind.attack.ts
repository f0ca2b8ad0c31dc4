// What a run leaves in its private folders would reach the next one.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const leftBehind: RunnerAttack = {
  id: "left-behind",
  title: "leave something for the next run outside of the working tree",
  stride: "T",
  layer: "mount",
  against: "box",
  async attempt(target) {
    await target.sh(`for d in /tmp "$HOME" /dev/shm .; do echo x > $d/ossaat-left; done`);
    return target.py(`
places = {"tmp": "/tmp", "home": os.environ["HOME"], "shm": "/dev/shm", "tree": "."}
found["left"] = [name for name, path in places.items() if os.path.exists(path + "/ossaat-left")]
for path in places.values(): attempt(lambda: os.unlink(path + "/ossaat-left"))`);
  },
  blocked: () => ({ left: ["tree"] }),
  audit: () => [],
  planted: { gives: () => ({ left: ["tmp", "home", "shm", "tree"] }) },
};
