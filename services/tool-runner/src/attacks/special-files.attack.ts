// Devices, pipes and sockets made in the working tree, for the host to trip over.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const specialFiles: RunnerAttack = {
  id: "special-files",
  title: "make device files, pipes and sockets",
  stride: "E",
  layer: "seccomp",
  against: "box",
  attempt: (target) =>
    target.py(`
found["disk"] = attempt(lambda: os.mknod("disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0)))
found["null"] = attempt(lambda: os.mknod("null", 0o600 | stat.S_IFCHR, os.makedev(1, 3)))
found["pipe"] = attempt(lambda: os.mkfifo("pipe"))
found["socket"] = attempt(lambda: socket.socket(socket.AF_UNIX).bind("socket"))`),
  blocked: () => ({ disk: "EPERM", null: "EPERM", pipe: "EPERM", socket: "EPERM" }),
  audit: () => [],
  planted: {
    attempt: (target) =>
      target.py(`
found["pipe"] = attempt(lambda: os.mkfifo("pipe"))
found["socket"] = attempt(lambda: socket.socket(socket.AF_UNIX).bind("socket"))`),
    gives: () => ({ pipe: "ok", socket: "ok" }),
  },
};
