// The machine's own folders and the kernel's settings, opened for writing.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const systemFolders: RunnerAttack = {
  id: "system-folders",
  title: "write to system folders, kernel settings and the program that runs it",
  stride: "T",
  layer: "mount",
  against: "box",
  attempt: (target) =>
    target.py(`
folders = ["/usr", "/etc", "/", "/bin", "/opt", "/dev", "/home", "/var", "/lib"]
for path in folders: found[path] = attempt(lambda: os.close(os.open(os.path.join(path, "evil"), os.O_WRONLY | os.O_CREAT)))
for path in ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/self/exe", "/proc/1/exe", "/bin/sh"]:
  found[path] = open_for_writing(path)
found["tried"] = len(found)
found = {path: value for path, value in found.items() if value not in ("EROFS", "ENOENT", "EACCES", "EPERM", "ETXTBSY")}`),
  blocked: () => ({ tried: 15 }),
  audit: () => [],
  planted: { unsafe: "root would write to this machine's system folders and kernel settings" },
};
