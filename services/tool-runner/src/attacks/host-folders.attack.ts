// Folders of the host that hold secrets or the runner's own state, looked into from a box.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const hostFolders: RunnerAttack = {
  id: "host-folders",
  title: "list home folders, secrets of the system and the runner's state",
  stride: "I",
  layer: "mount",
  against: "box",
  attempt: (target) =>
    target.py(`
for path in ${JSON.stringify([target.dir.path, target.open.stateDir, "/root", "/home", "/run", "/var", "/srv", "/mnt", "/etc/ssh"])}:
  try: found[path] = sorted(set(os.listdir(path)) - {"agent"})
  except OSError: found[path] = []
found["shadow"] = read("/etc/shadow")
found["root"] = "root:" in read("/etc/passwd")
found["secrets"] = sorted(set(os.listdir(os.environ["HOME"])) & {".ssh", ".aws", ".npmrc", ".docker", ".kube"})
found = {name: value for name, value in found.items() if value not in ([], "ENOENT", False)}`),
  blocked: () => ({}),
  audit: () => [],
  planted: {
    attempt: (target) => target.py(`found["state"] = sorted(os.listdir(${JSON.stringify(target.outside)}))`),
    gives: () => ({ state: ["secret"] }),
  },
};
