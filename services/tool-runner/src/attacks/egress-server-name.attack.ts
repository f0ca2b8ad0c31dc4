// A tunnel to one host in which the handshake names another one (domain fronting).
import type { RunnerAttack } from "../testing/attack-target.ts";

export const egressServerName: RunnerAttack = {
  id: "egress-server-name",
  title: "name another host in the handshake than the tunnel's",
  stride: "S",
  layer: "egress proxy",
  against: "box",
  hosts: ({ securePort }) => [`https://api.example.org:${securePort}/*`, `sealed.example.org:${securePort}`],
  async attempt(target) {
    const { securePort, listed } = target.net;
    const found = await target.viaProxy(`
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
def inside(host, way="api.example.org"):
  _status, sock = tunnel(way + ":${securePort}")
  try: secure = context.wrap_socket(sock, server_hostname="other.example.org")
  except OSError: return "cut"
  say(secure, "GET /" + host[:5] + " HTTP/1.1", "Host: " + host, "Connection: close")
  return brief(drain(secure))
found["own"] = inside("api.example.org:${securePort}")
found["other"] = inside("other.example.org:${securePort}")
found["sealed"] = inside("other.example.org:${securePort}", "sealed.example.org")`);
    return { found, names: listed.names, reached: listed.requests.map((line) => line.replace(`:${securePort}`, "")) };
  },
  // The host hears the name that was judged, whatever the program said.
  blocked: () => ({
    found: { own: "200 listed", other: "400", sealed: "cut" },
    names: ["api.example.org"],
    reached: ["GET /api.e api.example.org"],
  }),
  egress: () => [
    "allowed GET api.example.org/api.e x1",
    "denied GET api.example.org/other malformed x1",
    "denied CONNECT sealed.example.org other_server_name x1",
  ],
  audit: () => [],
  planted: {
    gives: () => ({
      found: { own: "200 listed", other: "200 listed", sealed: "200 listed" },
      names: ["other.example.org", "other.example.org", "other.example.org"],
      reached: ["GET /api.e api.example.org", "GET /other other.example.org", "GET /other other.example.org"],
    }),
  },
};
