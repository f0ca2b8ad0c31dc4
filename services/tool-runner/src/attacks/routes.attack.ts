// Every way to an address outside of the machine: IPv4, IPv6, mapped, UDP, the metadata service, names.
import type { RunnerAttack } from "../testing/attack-target.ts";

export const routes: RunnerAttack = {
  id: "routes",
  title: "reach an address or a name by any protocol",
  stride: "I",
  layer: "namespace",
  against: "box",
  attempt: (target) =>
    target.py(`
def gone(work):
  code = attempt(work)
  return "no way" if code in ("ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL") else code
def connect(address): return gone(lambda: socket.create_connection(address, 3))
found["v4"] = connect(("1.1.1.1", 443))
found["v6"] = connect(("2606:4700:4700::1111", 443))
found["mapped"] = gone(lambda: socket.socket(socket.AF_INET6).connect(("::ffff:1.1.1.1", 443)))
found["udp"] = gone(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 443)))
found["metadata"] = connect(("169.254.169.254", 80))
found["metadata6"] = connect(("fd00:ec2::254", 80))
try: socket.getaddrinfo("example.org", 443); found["name"] = "resolved"
except socket.gaierror: found["name"] = "no way"
found["interfaces"] = sorted(name for _number, name in socket.if_nameindex())
found["routes"] = read("/proc/net/route").count("\\n") - 1
found = {name: value for name, value in found.items() if value != "no way"}`),
  blocked: () => ({ interfaces: ["lo"], routes: 0 }),
  audit: () => [],
  planted: { unsafe: "it would send packets out of this machine, and none leave where there is no network anyway" },
};
