// A namespace of one's own gives back the rights that were taken.
import type { RunnerAttack } from "../testing/attack-target.ts";

const clone = process.arch === "arm64" ? 220 : 56;
const newUser = 0x10000000;
const flags = [newUser, 0x20000000, 0x40000000, 0x00020000, 0x08000000, 0x04000000, 0x02000000];

const script = (asked: readonly number[]) => `
def clone(flag):
  ctypes.set_errno(0)
  pid = libc.syscall(${clone}, flag | 17, 0, 0, 0, 0)
  if pid == 0: os._exit(0)
  if pid > 0: os.waitpid(pid, 0)
  return "ok" if pid > 0 else errno.errorcode.get(ctypes.get_errno(), "?")
found["clone"] = [clone(flag) for flag in ${JSON.stringify(asked)}]
found["clone3"] = syscall(435, 0, 0)`;

export const newNamespaces: RunnerAttack = {
  id: "new-namespaces",
  title: "make namespaces by clone and clone3",
  stride: "E",
  layer: "seccomp",
  against: "box",
  attempt: (target) => target.py(script(flags)),
  blocked: () => ({ clone: flags.map(() => "EPERM"), clone3: "ENOSYS" }),
  audit: () => [],
  planted: {
    attempt: (target) => target.py(script([newUser])),
    gives: () => ({ clone: ["ok"], clone3: "EINVAL" }),
  },
};
