// Files of the host that a box has no business with: other trees, the state folder, credentials.
import { join } from "node:path";

import { secretHomeFiles, secretText } from "../testing/attack-target.ts";
import type { AttackTarget, RunnerAttack } from "../testing/attack-target.ts";

function places({ outside, home }: AttackTarget): string[] {
  return [join(outside, "secret"), ...secretHomeFiles.map((file) => join(home, file))];
}

const script = (target: AttackTarget) => `
for path in ${JSON.stringify(places(target))}: found[path] = read(path)`;

export const hostFiles: RunnerAttack = {
  id: "host-files",
  title: "read the host's files, credentials and other working trees",
  stride: "I",
  layer: "mount",
  against: "box",
  attempt: (target) => target.py(script(target)),
  blocked: (target) => Object.fromEntries(places(target).map((path) => [path, "ENOENT"])),
  audit: () => [],
  planted: { gives: (target) => Object.fromEntries(places(target).map((path) => [path, secretText])) },
};
