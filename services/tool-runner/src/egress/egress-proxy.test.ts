import { afterEach, describe, expect, test } from "vitest";

import { EgressWorld, speak } from "../testing/egress-world.ts";
import type { HostAddress } from "./resolve-host.ts";

let world = new EgressWorld();
afterEach(() => {
  world.close();
  world = new EgressWorld();
});

const open = "api.example.org:1";

describe("an empty list (CVE-2025-66479)", () => {
  test("denies requests and tunnels, and records each", async () => {
    const { port, requests } = await world.upstream();
    const proxy = await world.proxy([]);
    const got = await proxy.send(`http://api.example.org:${port}/`);
    const tunnel = await proxy.tunnel(`api.example.org:${port}`);
    expect([got.status, tunnel.status, requests]).toEqual([403, 403, []]);
    expect(got.body).toBe("ossaat: this host and port are not on the step's list (host_not_listed)\n");
    expect(proxy.log()).toEqual([
      "denied GET api.example.org/ host_not_listed x1",
      "denied CONNECT api.example.org host_not_listed x1",
    ]);
  });
});

describe("a host that is listed", () => {
  test("is reached by request and by tunnel, and bytes are counted", async () => {
    const { port, requests } = await world.upstream();
    const proxy = await world.proxy([`api.example.org:${port}`]);
    const got = await proxy.send(`http://API.example.org.:${port}/a/../b?q=1`);
    const { socket } = await proxy.tunnel(`api.example.org:${port}`);
    const said = await speak(socket!, ["GET /t HTTP/1.1", "host: x"]);
    expect([got.status, got.body, said.includes("hello")]).toEqual([200, "hello", true]);
    expect(requests).toEqual([`GET /b?q=1 api.example.org:${port}`, "GET /t x"]);
    await expect
      .poll(() => proxy.proxy.records().map(({ bytesUp, bytesDown }) => bytesUp > 40 && bytesDown > 40))
      .toEqual([true, true]);
    expect(proxy.log()).toEqual(["allowed GET api.example.org/b x1", "allowed CONNECT api.example.org x1"]);
  });

  test("gets no field of the connection and none of the proxy", async () => {
    let seen: unknown;
    const { port } = await world.upstream((request, response) => {
      seen = request.rawHeaders.filter((_value, index) => index % 2 === 0).sort();
      response.writeHead(200, { "proxy-authenticate": "Basic", "keep-alive": "timeout=5", "x-kept": "1" }).end();
    });
    const proxy = await world.proxy([`api.example.org:${port}`]);
    const headers = {
      connection: "x-hop, close",
      "x-hop": "1",
      "proxy-connection": "close",
      te: "trailers",
      upgrade: "websocket",
      "x-own": "1",
    };
    const { headers: back } = await proxy.send(`http://api.example.org:${port}/`, { headers });
    expect(seen).toEqual(["Connection", "host", "x-own"]);
    expect([back["proxy-authenticate"], back["x-kept"]]).toEqual([undefined, "1"]);
  });

  test("gets a body whole, however it is framed, and never as a second request", async () => {
    const bodies: string[] = [];
    const { port, requests } = await world.upstream(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      bodies.push(body);
      response.end();
    });
    const proxy = await world.proxy([`GET,POST http://api.example.org:${port}/ok`]);
    const smuggled = `GET /secret HTTP/1.1\r\nhost: api.example.org\r\n\r\n`;
    const url = `http://api.example.org:${port}/ok`;
    await proxy.send(url, { method: "POST", body: smuggled });
    await proxy.send(url, { method: "GET", body: smuggled, chunked: true });
    expect([bodies, requests.length]).toEqual([[smuggled, smuggled], 2]);
  });

  test.each(["GET", "HEAD", "DELETE", "OPTIONS", "POST"])(
    "a %s whose fields take its length away makes no second request",
    async (method) => {
      const bodies: string[] = [];
      const { port, requests } = await world.upstream(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += String(chunk);
        bodies.push(body);
        response.end();
      });
      const host = `api.example.org:${port}`;
      const proxy = await world.proxy([`${method} http://${host}/ok`]);
      const smuggled = `POST /secret HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1\r\n\r\nx`;
      const lines = [
        `${method} http://${host}/ok HTTP/1.1`,
        `Host: ${host}`,
        `Proxy-Authorization: ${proxy.auth["proxy-authorization"]}`,
        "Connection: close, content-length, host",
        `Content-Length: ${smuggled.length}`,
      ];
      await proxy.raw([...lines, "", smuggled].join("\r\n"));
      expect([bodies, requests.length, proxy.log()]).toEqual([
        [smuggled],
        1,
        [`allowed ${method} api.example.org/ok x1`],
      ]);
    },
  );
});

describe("who may use the proxy (issue 87381)", () => {
  test("another run's password is of no use, nor is none", async () => {
    const { port, requests } = await world.upstream();
    const [own, other] = [
      await world.proxy([`api.example.org:${port}`]),
      await world.proxy([`api.example.org:${port}`]),
    ];
    const url = `http://api.example.org:${port}/`;
    const attempts = [
      await own.send(url, { headers: other.auth }),
      await own.send(url, { headers: { "proxy-authorization": "" } }),
      await own.send(url, { headers: { "proxy-authorization": "Basic cnVuOg==" } }),
      await own.tunnel(`api.example.org:${port}`, other.auth),
      await own.tunnel(`api.example.org:${port}`, {}),
    ];
    expect(attempts.map(({ status }) => status)).toEqual([407, 407, 407, 407, 407]);
    expect([requests, own.log()]).toEqual([
      [],
      ["denied GET api.example.org/ unauthenticated x3", "denied CONNECT api.example.org unauthenticated x2"],
    ]);
  });
});

describe("where a name may lead", () => {
  const to = (...addresses: string[]) => ({
    lookup: () =>
      Promise.resolve(addresses.map((address): HostAddress => ({ address, family: address.includes(":") ? 6 : 4 }))),
  });

  test.each([
    ["loopback", ["127.0.0.1"]],
    ["the metadata service", ["169.254.169.254"]],
    ["the metadata service in IPv6", ["fd00:ec2::254"]],
    ["a private network", ["10.1.2.3"]],
    ["a public and a private address", ["1.1.1.1", "10.1.2.3"]],
  ])("not to %s", async (_what, addresses) => {
    const { port, requests } = await world.upstream();
    const proxy = await world.proxy([`api.example.org:${port}`], { resolver: to(...addresses) });
    const statuses = [
      (await proxy.send(`http://api.example.org:${port}/`)).status,
      (await proxy.tunnel(`api.example.org:${port}`)).status,
    ];
    expect([statuses, requests, proxy.log()]).toEqual([
      [403, 403],
      [],
      ["denied GET api.example.org/ address_not_public x1", "denied CONNECT api.example.org address_not_public x1"],
    ]);
  });

  test("a name that changes its mind leads where it led first (DNS rebinding)", async () => {
    const { port, requests } = await world.upstream();
    const answers = ["127.0.0.1", "127.0.0.2", "10.0.0.1"];
    let asked = 0;
    const resolver = {
      lookup: () => Promise.resolve([{ address: answers[asked++] ?? "", family: 4 }]),
      isAllowedAddress: (address: string) => address === "127.0.0.1",
    };
    const proxy = await world.proxy([`api.example.org:${port}`], { resolver });
    const url = `http://api.example.org:${port}/`;
    expect([(await proxy.send(url)).status, (await proxy.send(url)).status, asked, requests.length]).toEqual([
      200, 200, 1, 2,
    ]);
  });

  test("a redirect is a new request and so a new decision", async () => {
    const { port, requests } = await world.upstream((_request, response) => {
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end();
    });
    const proxy = await world.proxy([`api.example.org:${port}`]);
    const first = await proxy.send(`http://api.example.org:${port}/`);
    const next = await proxy.send(first.headers.location ?? "");
    expect([first.status, next.status, requests.length, proxy.log()]).toEqual([
      302,
      403,
      1,
      ["allowed GET api.example.org/ x1", "denied GET 169.254.169.254/latest/meta-data/ host_not_listed x1"],
    ]);
  });

  test("a name without an address", async () => {
    const proxy = await world.proxy([open], { resolver: { lookup: () => Promise.reject(new Error("no")) } });
    expect((await proxy.send("http://api.example.org:1/")).body).toBe(
      "ossaat: the name has no address (not_resolved)\n",
    );
  });
});

describe("what cannot be asked for", () => {
  test.each([
    ["loopback by address", "http://127.0.0.1:80/", "denied GET 127.0.0.1/ host_not_listed x1"],
    ["loopback by number", "http://2130706433/", "denied GET 127.0.0.1/ host_not_listed x1"],
    ["loopback by name", "http://localhost/", "denied GET localhost/ host_not_listed x1"],
    ["an IPv6 address", "http://[fd00:ec2::254]/", "denied GET [fd00:ec2::254]/ host_not_listed x1"],
    [
      "a user in the address",
      "http://api.example.org@evil.example/",
      "denied GET http://api.example.org@evil.example/ malformed x1",
    ],
    ["another scheme", "ftp://api.example.org/", "denied GET ftp://api.example.org/ malformed x1"],
    ["a path alone", "/etc/passwd", "denied GET /etc/passwd malformed x1"],
    [
      "an encoded NUL byte",
      "http://evil.example%00.api.example.org/",
      "denied GET http://evil.example%00.api.example.org/ malformed x1",
    ],
  ])("%s", async (_what, url, record) => {
    const proxy = await world.proxy(["api.example.org", "*.api.example.org"]);
    const { status } = await proxy.send(url);
    expect([status >= 400, proxy.log()]).toEqual([true, [record]]);
  });

  test.each([
    ["port 22", "api.example.org:22", 403, "denied CONNECT api.example.org host_not_listed x1"],
    ["loopback", "127.0.0.1:443", 403, "denied CONNECT 127.0.0.1:443 host_not_listed x1"],
    ["loopback in IPv6", "[::1]:443", 403, "denied CONNECT [::1]:443 host_not_listed x1"],
    [
      "a mapped address",
      "[::ffff:169.254.169.254]:80",
      403,
      "denied CONNECT [::ffff:169.254.169.254]:80 host_not_listed x1",
    ],
    [
      "an encoded NUL byte",
      "evil.example%00.api.example.org:443",
      400,
      "denied CONNECT evil.example%00.api.example.org:443 malformed x1",
    ],
    ["no port", "api.example.org", 400, "denied CONNECT api.example.org malformed x1"],
    ["a port too high", "api.example.org:70000", 400, "denied CONNECT api.example.org:70000 malformed x1"],
    ["a user", "api.example.org@evil.example:443", 400, "denied CONNECT api.example.org@evil.example:443 malformed x1"],
  ])("a tunnel to %s", async (_what, authority, status, record) => {
    const proxy = await world.proxy(["api.example.org", "*.api.example.org"]);
    expect([(await proxy.tunnel(authority)).status, proxy.log()]).toEqual([status, [record]]);
  });

  test("a NUL byte in a host (the SOCKS lesson)", async () => {
    const proxy = await world.proxy(["*.example.org"]);
    const auth = `proxy-authorization: ${proxy.auth["proxy-authorization"]}`;
    const back = await proxy.raw(`CONNECT evil.test\0.example.org:443 HTTP/1.1\r\nhost: x\r\n${auth}\r\n\r\n`);
    expect([back.split("\r\n")[0], proxy.log()]).toEqual(["HTTP/1.1 400 Refused", ["denied malformed x1"]]);
  });

  test("a message with two lengths", async () => {
    const proxy = await world.proxy([open]);
    const back = await proxy.raw(
      "POST http://api.example.org:1/ HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    expect([back.split("\r\n")[0], proxy.log()]).toEqual(["HTTP/1.1 400 Refused", ["denied malformed x1"]]);
  });

  test("a header that is too large", async () => {
    const { port, requests } = await world.upstream();
    const proxy = await world.proxy([`api.example.org:${port}`]);
    const answer = proxy.send(`http://api.example.org:${port}/`, { headers: { "x-large": "x".repeat(64 * 1024) } });
    const status = await answer.then(
      (got) => got.status,
      () => "cut",
    );
    expect([[400, "cut"].includes(status), requests, proxy.log()]).toEqual([true, [], ["denied malformed x1"]]);
  });

  test("a header that never ends", async () => {
    const proxy = await world.proxy([open], { limits: { headerTimeoutMs: 200 } });
    const back = await proxy.raw("GET http://api.example.org:1/ HTTP/1.1\r\nx-slow: ");
    expect([back.split("\r\n")[0], proxy.log()]).toEqual(["HTTP/1.1 400 Refused", ["denied malformed x1"]]);
  });
});

test.each([
  ["a coding that is none", "xchunked", "denied malformed x1"],
  ["a coding before the last", "gzip, chunked", "denied POST api.example.org/ malformed x1"],
])("a request whose framing is %s is told once and reaches nobody", async (_what, coding, record) => {
  const { port, requests } = await world.upstream();
  const proxy = await world.proxy([`api.example.org:${port}`]);
  const head = [`POST http://api.example.org:${port}/ HTTP/1.1`, "host: x", `transfer-encoding: ${coding}`];
  const auth = Object.entries(proxy.auth).map(([name, value]) => `${name}: ${value}`);
  const got = await proxy.raw([...head, ...auth, "", "0", "", ""].join("\r\n"));
  expect([got.slice(0, 12), proxy.log(), requests]).toEqual(["HTTP/1.1 400", [record], []]);
});
