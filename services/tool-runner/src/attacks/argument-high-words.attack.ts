// The kernel takes 32 bits of these arguments; a filter that compares 64 is passed by setting the others.
import type { RunnerAttack } from "../testing/attack-target.ts";

const numbers = process.arch === "arm64" ? { socket: 198, ioctl: 29 } : { socket: 41, ioctl: 16 };

const script = `
high = 1 << 32
found["unix"] = syscall(${numbers.socket}, high | 1, 1, 0)
found["packet"] = syscall(${numbers.socket}, high | 17, 3, 0)
found["raw"] = syscall(${numbers.socket}, 2, high | 3, 1)
found["inject"] = syscall(${numbers.ioctl}, 0, high | 0x5412, 0)
found["paste"] = syscall(${numbers.ioctl}, 0, high | 0x541c, 0)`;

export const argumentHighWords: RunnerAttack = {
  id: "argument-high-words",
  title: "hide a forbidden argument behind high bits",
  stride: "E",
  layer: "seccomp",
  against: "box",
  attempt: (target) => target.py(script),
  blocked: () => ({ unix: "EPERM", packet: "EPERM", raw: "EPERM", inject: "EPERM", paste: "EPERM" }),
  audit: () => [],
  planted: {
    attempt: (target) => target.py(`${script}\nfound = {name: found[name] for name in ("unix", "inject")}`),
    gives: () => ({ unix: "ok", inject: "ENOTTY" }),
  },
};
