// Input put into the terminal of whoever started the server.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const terminalInjection: RunnerAttack = {
  id: "terminal-injection",
  title: "type into the host's terminal",
  stride: "S",
  layer: "seccomp",
  against: "box",
  attempt: (target) =>
    target.py(`
for name, request in (("inject", 0x5412), ("paste", 0x541c)):
  found[name] = attempt(lambda: fcntl.ioctl(0, request, b"x"))
found["terminal"] = attempt(lambda: os.close(os.open("/dev/tty", os.O_RDWR))) == "ok"`),
  blocked: () => ({ inject: "EPERM", paste: "EPERM", terminal: false }),
  audit: () => [],
  planted: {
    attempt: (target) => target.py(`found["inject"] = attempt(lambda: fcntl.ioctl(0, 0x5412, b"x"))`),
    gives: () => ({ inject: "ENOTTY" }),
  },
};
