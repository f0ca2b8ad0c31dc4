// Whatever is sent to the proxy: only listed hosts are ever looked up, nothing is reached that was
// not allowed, and each attempt leaves a record.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { EgressWorld } from "../testing/egress-world.ts";
import type { TestProxy, Upstream } from "../testing/egress-world.ts";

const world = new EgressWorld();
const lookedUp = new Set<string>();
let upstream: Upstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await world.upstream();
  proxy = await world.proxy([`GET http://api.example.org:${upstream.port}/v1/*`, `*.example.net:${upstream.port}`], {
    // A tunnel that was opened ends by itself soon.
    limits: { headerTimeoutMs: 500, idleTimeoutMs: 300 },
    resolver: {
      lookup: (host) => {
        lookedUp.add(host);
        return Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
      },
      isAllowedAddress: (address) => address === "127.0.0.1",
    },
  });
});
afterAll(() => world.close());

const hosts = [
  "api.example.org",
  "evil.example",
  "x.example.net",
  "127.0.0.1",
  "localhost",
  "[::1]",
  "169.254.169.254",
];
const pieces = ["\0", "%00", ".", "@", ":", "/", "\\", "#", "?", "//", "..", "%2e", "%2f", ";", "\t", "é", "\u3002"];
const name = fc
  .array(fc.oneof(fc.constantFrom(...hosts), fc.constantFrom(...pieces)), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""));
const path = fc.array(fc.constantFrom("/v1/", "/v2", "..", "/", "%2e%2e", "%2f", "a", ";"), { maxLength: 5 });

test("strange targets of tunnels and requests", async () => {
  const method = fc.constantFrom("GET", "POST", "CONNECT", "OPTIONS", "TRACE");
  await fc.assert(
    fc.asyncProperty(method, name, path, fc.boolean(), async (verb, host, parts, isBare) => {
      const before = upstream.requests.length;
      const target =
        verb === "CONNECT"
          ? `${host}:${upstream.port}`
          : `${isBare ? "" : "http://"}${host}:${upstream.port}/${parts.join("")}`;
      const auth = `proxy-authorization: ${proxy.auth["proxy-authorization"]}`;
      const back = await proxy.raw(`${verb} ${target} HTTP/1.1\r\nhost: x\r\n${auth}\r\nconnection: close\r\n\r\n`);
      const reached = upstream.requests.slice(before);
      // A tunnel nobody speaks in reaches no one; a request that got through is one the list covers.
      expect(reached.filter((line) => !/^GET \/v1\/|^\w+ \S+ [a-z0-9.-]+\.example\.net:/u.test(line))).toEqual([]);
      expect(back === "" || /^HTTP\/1\.1 (?:200|400|403|404|407|429|502)/u.test(back)).toBe(true);
    }),
    { numRuns: 200 },
  );
  const strangers = [...lookedUp].filter(
    (host) => host !== "api.example.org" && !/^[a-z0-9.-]+\.example\.net$/u.test(host),
  );
  expect(strangers).toEqual([]);
  expect(proxy.proxy.records().length).toBeGreaterThan(20);
}, 60_000);

test("bytes without a shape", async () => {
  const before = upstream.requests.length;
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 80 }), async (text) => {
      const back = await proxy.raw(`${text}\r\n\r\n`);
      expect(back === "" || back.startsWith("HTTP/1.1 4")).toBe(true);
    }),
    { numRuns: 25 },
  );
  expect(upstream.requests.length).toBe(before);
}, 60_000);
