// Everything in a box that a payload could write or change the mode of, searched for.
import type { RunnerAttack } from "../testing/attack-target.ts";

const script = (own: readonly string[]) => `
import re
own = tuple(${JSON.stringify(own)})
free = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx"}
# Settings of the box's own namespaces.
namespaced = re.compile("/proc/sys/(fs/mqueue/|kernel/(ns_last_pid|pid_max|auto_msgmni|msg|sem|shm))")
found["places"] = []
def is_process(path):
  words = path.split("/")
  return words[1] == "proc" and len(words) > 2 and (words[2].isdigit() or words[2] in ("self", "thread-self"))
def is_null(path):
  try: return os.stat(path).st_rdev == os.makedev(1, 3)
  except OSError: return False
def look(path):
  if os.path.islink(path) or path.startswith(own) or is_process(path): return
  # What a container engine hides appears as the null device.
  if path.startswith("/proc/") and is_null(path): return
  exempt = path in free or namespaced.match(path) or path.startswith("/proc/pressure/")
  if not exempt and os.access(path, os.W_OK): found["places"].append("writable " + path)
  if not path.startswith(("/usr", "/proc", "/sys")):
    if attempt(lambda: os.chmod(path, stat.S_IMODE(os.stat(path).st_mode))) == "ok": found["places"].append("changeable " + path)
for top, folders, files in os.walk("/"):
  if top == "/": folders.remove("usr")
  folders[:] = [name for name in folders if not is_process(os.path.join(top, name))]
  for name in folders + files: look(os.path.join(top, name))
found["places"].sort()`;

export const writablePlaces: RunnerAttack = {
  id: "writable-places",
  title: "find any place of the host that can be written or whose mode can be changed",
  stride: "T",
  layer: "mount",
  against: "box",
  attempt: (target) =>
    target.py(script(["/workspace", "/tmp", "/home/agent", "/dev/shm", "/dev/pts", ...(target.ownFolders ?? [])])),
  blocked: ({ changeable = [] }) => ({ places: changeable.map((path) => `changeable ${path}`).sort() }),
  audit: () => [],
  planted: {
    attempt: (target) =>
      target.py(`found["places"] = [path for path in [${JSON.stringify(target.outside)}] if os.access(path, os.W_OK)]`),
    gives: ({ outside }) => ({ places: [outside] }),
  },
};
