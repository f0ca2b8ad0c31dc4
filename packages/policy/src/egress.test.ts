import { Envelope } from "@ossaat/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { callSubject } from "./call-subject.ts";
import { checkEnvelope } from "./check-envelope.ts";
import { judgeRequest, judgeTunnel, reachesNetwork, readEgressRules } from "./egress.ts";
import type { EgressRequest } from "./egress.ts";

const request = (changes: Partial<EgressRequest> = {}): EgressRequest => ({
  scheme: "https",
  host: "api.example.org",
  port: 443,
  method: "GET",
  path: "/v1/items",
  ...changes,
});
const verdict = (entries: string[], changes: Partial<EgressRequest> = {}) => {
  const judged = judgeRequest(readEgressRules(entries), request(changes));
  return judged.decision === "allow" ? "allow" : judged.reason;
};
const tunnel = (entries: string[], host: string, port = 443) => {
  const judged = judgeTunnel(readEgressRules(entries), { host, port });
  return judged.decision === "deny" ? judged.reason : judged.decision;
};

describe("an empty allow-list (CVE-2025-66479)", () => {
  test("denies every request and every tunnel", () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(fc.domain(), port, fc.constantFrom("GET", "POST"), fc.webPath(), (host, port, method, path) => {
        expect(verdict([], { host, port, method, path })).toBe("host_not_listed");
        expect(tunnel([], host, port)).toBe("host_not_listed");
      }),
    );
  });

  test("is what is left when no entry can be read", () => {
    expect([verdict(["*", "127.0.0.1"]), tunnel(["", "*."], "api.example.org")]).toEqual([
      "host_not_listed",
      "host_not_listed",
    ]);
  });
});

test.each([
  ["its own name", ["api.example.org"], {}, "allow"],
  ["a longer name with the same end", ["example.org"], { host: "evilexample.org" }, "host_not_listed"],
  ["a name below, without a star", ["example.org"], {}, "host_not_listed"],
  ["a name below, with a star", ["*.example.org"], {}, "allow"],
  ["the name itself, with a star", ["*.example.org"], { host: "example.org" }, "host_not_listed"],
  ["a similar end, with a star", ["*.example.org"], { host: "api.evilexample.org" }, "host_not_listed"],
  ["another port", ["api.example.org"], { port: 22 }, "host_not_listed"],
  ["the port that is named", ["api.example.org:22"], { port: 22 }, "allow"],
  ["another scheme", ["https://api.example.org"], { scheme: "http", port: 443 }, "host_not_listed"],
  ["a method that is named", ["GET,HEAD api.example.org"], { method: "HEAD" }, "allow"],
  ["another method", ["GET,HEAD api.example.org"], { method: "PUT" }, "method_not_listed"],
  ["a path below the prefix", ["https://api.example.org/v1/*"], {}, "allow"],
  ["a path that only begins alike", ["https://api.example.org/v1/*"], { path: "/v10" }, "path_not_listed"],
  ["the exact path", ["https://api.example.org/v1/items"], {}, "allow"],
  ["a path below the exact one", ["https://api.example.org/v1/items"], { path: "/v1/items/3" }, "path_not_listed"],
  ["an encoded slash", ["https://api.example.org/v1/*"], { path: "/v1/..%2fadmin" }, "path_not_listed"],
  ["a path with parameters", ["https://api.example.org/v1/*"], { path: "/v1/..;/admin" }, "path_not_listed"],
  ["a doubled slash", ["https://api.example.org/v1/*"], { path: "/v1//admin" }, "path_not_listed"],
  [
    "method and path of two entries",
    ["POST https://api.example.org/v1/items", "GET https://api.example.org/v2/*"],
    { path: "/v1/items" },
    "path_not_listed",
  ],
])("a request to %s", (_what, entries, changes, expected) => {
  expect(verdict(entries, changes as Partial<EgressRequest>)).toBe(expected);
});

test("a tunnel is passed through for a host alone and looked into where anything else was said", () => {
  expect([
    tunnel(["api.example.org"], "api.example.org"),
    tunnel(["GET api.example.org"], "api.example.org"),
    tunnel(["https://api.example.org/v1/*"], "api.example.org"),
    tunnel(["api.example.org"], "api.example.org", 22),
    tunnel(["api.example.org"], "other.example.org"),
  ]).toEqual(["tunnel", "inspect", "inspect", "host_not_listed", "host_not_listed"]);
});

test("taking an entry away never allows more", () => {
  const pool = [
    "api.example.org",
    "*.example.org",
    "GET api.example.org",
    "https://api.example.org/v1/*",
    "x.example.net:8443",
  ];
  const asked = fc.record({
    host: fc.constantFrom("api.example.org", "x.example.net", "example.org"),
    port: fc.constantFrom(80, 443, 8443),
    method: fc.constantFrom("GET", "POST"),
    path: fc.constantFrom("/", "/v1/items", "/v2"),
  });
  fc.assert(
    fc.property(fc.subarray(pool), fc.subarray(pool), asked, (entries, taken, changes) => {
      const fewer = entries.filter((entry) => !taken.includes(entry));
      expect(verdict(fewer, changes) === "allow" && verdict(entries, changes) !== "allow").toBe(false);
    }),
  );
});

describe("a command that asks for hosts", () => {
  const envelope = Envelope.parse({
    tools: ["run_command"],
    commands: ["npm"],
    egressHosts: ["packages.example.com", "*.example.org", "https://api.example.net/v1/*"],
  });
  const command = (...hosts: string[]) => ({ tool: "run_command", input: { argv: ["npm", "ci"], hosts } });
  const outside = (...hosts: string[]) => {
    const check = checkEnvelope(envelope, command(...hosts));
    return check.inside ? "inside" : `${check.what}, ${check.approvable}`;
  };

  test("is inside when the step's list grants all of them", () => {
    expect([
      outside(),
      outside("packages.example.com", "GET https://packages.example.com/left-pad", "a.example.org"),
      outside("https://api.example.net/v1/*"),
    ]).toEqual(["inside", "inside", "inside"]);
  });

  test("is outside, and a person may allow it, when one is not", () => {
    expect([
      outside("packages.example.com", "evil.example"),
      outside("api.example.net"),
      outside("*.example.com"),
    ]).toEqual([
      "run npm ci and reach evil.example, true",
      "run npm ci and reach api.example.net, true",
      "run npm ci and reach *.example.com, true",
    ]);
  });

  test("cannot name what is no host", () => {
    expect(outside("127.0.0.1")).toBe("run_command with malformed arguments, false");
  });

  test("is no subject of an approval that was given without them", () => {
    const plain = { tool: "run_command", input: { argv: ["npm", "ci"] } };
    expect([callSubject(command()), callSubject(command("b.example", "a.example"))]).toEqual([
      callSubject(plain),
      'argv:[".",["npm","ci"],["a.example","b.example"]]',
    ]);
  });

  test("reaches the network, as every command of a step with hosts does", () => {
    const none = { egressHosts: [] };
    expect([
      reachesNetwork(command(), none),
      reachesNetwork(command("a.example"), none),
      reachesNetwork(command(), envelope),
      reachesNetwork({ tool: "run_tests", input: {} }, envelope),
      reachesNetwork({ tool: "read_file", input: { path: "a" } }, envelope),
    ]).toEqual([false, true, true, true, false]);
  });
});
