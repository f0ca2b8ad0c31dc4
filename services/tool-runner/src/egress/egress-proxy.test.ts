import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, describe, expect, test } from "vitest";

import { EgressWorld, loopbackResolver, secureOver, speak } from "../testing/egress-world.ts";
import type { TestProxy } from "../testing/egress-world.ts";
import type { HostAddress } from "./resolve-host.ts";

let world = new EgressWorld();
afterEach(() => {
  world.close();
  world = new EgressWorld();
});

/** Records without what every one has. */
const records = (proxy: TestProxy) =>
  proxy.proxy
    .records()
    .map(({ host, method, path = "", decision, reason = "", count }) =>
      `${decision} ${method} ${host}${path} ${reason} x${count}`.replaceAll(/ +/gu, " "),
    );
const open = "api.example.org:1";

describe("an empty list (CVE-2025-66479)", () => {
  test("denies requests and tunnels, and records each", async () => {
    const { port, requests } = await world.upstream();
    const proxy = await world.proxy([]);
    const got = await proxy.send(`http://api.example.org:${port}/`);
    const tunnel = await proxy.tunnel(`api.example.org:${port}`);
    expect([got.status, tunnel.status, requests]).toEqual([403, 403, []]);
    expect(got.body).toBe("ossaat: this host and port are not on the step's list (host_not_listed)\n");
    expect(records(proxy)).toEqual([
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
    expect(records(proxy)).toEqual(["allowed GET api.example.org/b x1", "allowed CONNECT api.example.org x1"]);
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
    expect([requests, records(own)]).toEqual([
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
    expect([statuses, requests, records(proxy)]).toEqual([
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
    expect([first.status, next.status, requests.length, records(proxy)]).toEqual([
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
    expect([status >= 400, records(proxy)]).toEqual([true, [record]]);
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
    expect([(await proxy.tunnel(authority)).status, records(proxy)]).toEqual([status, [record]]);
  });

  test("a NUL byte in a host (the SOCKS lesson)", async () => {
    const proxy = await world.proxy(["*.example.org"]);
    const auth = `proxy-authorization: ${proxy.auth["proxy-authorization"]}`;
    const back = await proxy.raw(`CONNECT evil.test\0.example.org:443 HTTP/1.1\r\nhost: x\r\n${auth}\r\n\r\n`);
    expect([back.split("\r\n")[0], records(proxy)]).toEqual(["HTTP/1.1 400 Refused", ["denied malformed x1"]]);
  });

  test("a message with two lengths", async () => {
    const proxy = await world.proxy([open]);
    const back = await proxy.raw(
      "POST http://api.example.org:1/ HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    expect([back.split("\r\n")[0], records(proxy)]).toEqual(["HTTP/1.1 400 Refused", ["denied malformed x1"]]);
  });

  test("a header that is too large", async () => {
    const { port, requests } = await world.upstream();
    const proxy = await world.proxy([`api.example.org:${port}`]);
    const answer = proxy.send(`http://api.example.org:${port}/`, { headers: { "x-large": "x".repeat(64 * 1024) } });
    const status = await answer.then(
      (got) => got.status,
      () => "cut",
    );
    expect([[400, "cut"].includes(status), requests, records(proxy)]).toEqual([true, [], ["denied malformed x1"]]);
  });

  test("a header that never ends", async () => {
    const proxy = await world.proxy([open], { limits: { headerTimeoutMs: 200 } });
    const back = await proxy.raw("GET http://api.example.org:1/ HTTP/1.1\r\nx-slow: ");
    expect([back.split("\r\n")[0], records(proxy)]).toEqual(["HTTP/1.1 400 Refused", ["denied malformed x1"]]);
  });
});

describe("limits", () => {
  test("a step sends no more than it may, in one call or in several", async () => {
    const { port } = await world.upstream(async (request, response) => {
      await request.resume().toArray();
      response.end("ok");
    });
    const bytes = { up: 0, down: 0 };
    const first = await world.proxy([`api.example.org:${port}`], { bytes, limits: { maxStepUpBytes: 10_000 } });
    const url = `http://api.example.org:${port}/`;
    const small = await first.send(url, { method: "POST", body: "x".repeat(5_000) });
    const large = await first.send(url, { method: "POST", body: "x".repeat(9_000) });
    const second = await world.proxy([`api.example.org:${port}`], { bytes, limits: { maxStepUpBytes: 10_000 } });
    const later = await second.send(url);
    expect([small.status, large.status, later.status]).toEqual([200, 429, 429]);
    expect([records(first), records(second)]).toEqual([
      ["allowed POST api.example.org/ x2", "denied POST api.example.org byte_budget x1"],
      ["denied GET api.example.org/ byte_budget x1"],
    ]);
  });

  test("a step receives no more than it may, and the rest is cut off", async () => {
    const { port } = await world.upstream((_request, response) => response.end("x".repeat(1_000_000)));
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { maxStepDownBytes: 100_000 } });
    const got = await proxy.send(`http://api.example.org:${port}/`);
    expect([got.body.length < 400_000, got.body.endsWith("[cut]"), records(proxy)]).toEqual([
      true,
      true,
      ["allowed GET api.example.org/ x1", "denied GET api.example.org byte_budget x1"],
    ]);
  });

  test("a tunnel is bounded the same way", async () => {
    const { port } = await world.upstream((_request, response) => response.end("x".repeat(1_000_000)));
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { maxStepDownBytes: 100_000 } });
    const { socket } = await proxy.tunnel(`api.example.org:${port}`);
    const got = await speak(socket!, ["GET / HTTP/1.1", "host: x"]);
    expect([got.length < 400_000, records(proxy)]).toEqual([
      true,
      ["allowed CONNECT api.example.org x1", "denied CONNECT api.example.org byte_budget x1"],
    ]);
  });

  test("requests and connections are counted", async () => {
    const { port } = await world.upstream();
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { maxRequests: 2, maxConnections: 3 } });
    const url = `http://api.example.org:${port}/`;
    const statuses = [await proxy.send(url), await proxy.send(url), await proxy.send(url)].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 429]);
    const idle = await Promise.all([1, 2, 3, 4].map(() => Promise.race([proxy.raw(""), sleep(300, "held")])));
    expect(idle.sort()).toEqual(["", "held", "held", "held"].sort());
    expect(records(proxy).at(-1)).toBe("denied too_many_requests x1");
  });

  test("a host that does not answer in time", async () => {
    const { port } = await world.upstream(() => undefined);
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { idleTimeoutMs: 200 } });
    const got = await proxy.send(`http://api.example.org:${port}/`);
    expect([got.status, records(proxy)]).toEqual([502, ["allowed GET api.example.org/ upstream_failed x1"]]);
  });

  test("a host that stops in the middle of its answer", async () => {
    const { port } = await world.upstream((_request, response) =>
      response.writeHead(200, { "content-length": "10" }).write("half"),
    );
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { idleTimeoutMs: 200 } });
    const got = await proxy.send(`http://api.example.org:${port}/`);
    expect(got.body).toBe("half[cut]");
    await expect.poll(() => records(proxy)).toEqual(["allowed GET api.example.org/ upstream_failed x1"]);
  });

  test("a host that sends a header without end, and one where nobody listens", async () => {
    const { port } = await world.upstream((_request, response) =>
      response.setHeader("x-large", "x".repeat(64 * 1024)).end(),
    );
    const proxy = await world.proxy([`api.example.org:${port}`, open]);
    const statuses = [
      (await proxy.send(`http://api.example.org:${port}/`)).status,
      (await proxy.send("http://api.example.org:1/")).status,
      (await proxy.tunnel(open)).status,
    ];
    expect(statuses).toEqual([502, 502, 502]);
  });

  test("many different requests make no endless record", async () => {
    const proxy = await world.proxy([], { limits: { maxRecords: 3 } });
    for (let n = 0; n < 6; n += 1) await proxy.send(`http://api.example.org/${n}\u202e`.replace("\u202e", ""));
    expect(records(proxy)).toEqual([
      "denied GET api.example.org/0 host_not_listed x1",
      "denied GET api.example.org/1 host_not_listed x1",
      "denied GET api.example.org/2 host_not_listed x1",
      "denied * (others) host_not_listed x3",
    ]);
  });

  test("closing ends what is open", async () => {
    const { port } = await world.upstream(() => undefined);
    const proxy = await world.proxy([`api.example.org:${port}`]);
    const { socket } = await proxy.tunnel(`api.example.org:${port}`);
    const waiting = proxy.send(`http://api.example.org:${port}/`).catch(() => "cut");
    const ended = new Promise((resolve) => socket!.once("close", resolve));
    await expect.poll(() => records(proxy).length).toBe(2);
    proxy.proxy.close();
    await ended;
    expect(await waiting).toBe("cut");
  });
});

describe("looking into a tunnel", () => {
  const host = "api.example.org";
  const inside = async (
    proxy: TestProxy,
    port: number,
    lines: string[],
    { ca, name = host }: { ca?: string; name?: string } = {},
  ) => {
    const { socket } = await proxy.tunnel(`${host}:${port}`);
    const secured = await secureOver(socket!, name, ca ?? (await world.inside).certificate);
    return speak(secured, lines);
  };

  test("a method and a path of https are judged, one request at a time", async () => {
    const { port, requests } = await world.secureUpstream(host);
    const proxy = await world.proxy([`GET https://${host}:${port}/v1/*`]);
    const ask = async (line: string, named = `${host}:${port}`) =>
      (await inside(proxy, port, [`${line} HTTP/1.1`, `host: ${named}`])).split("\r\n")[0];
    expect([
      await ask("GET /v1/items"),
      await ask("POST /v1/items"),
      await ask("GET /v2/items"),
      await ask("GET /v1/../v2"),
      await ask("GET /v1/%2e%2e/v2"),
      await ask("GET /v1/items", "evil.example"),
      await ask(`GET https://evil.example/v1/`),
      await ask("CONNECT evil.example:443"),
    ]).toEqual([
      "HTTP/1.1 200 OK",
      "HTTP/1.1 403 Forbidden",
      "HTTP/1.1 403 Forbidden",
      "HTTP/1.1 403 Forbidden",
      "HTTP/1.1 403 Forbidden",
      "HTTP/1.1 400 Bad Request",
      "HTTP/1.1 400 Bad Request",
      "HTTP/1.1 400 Refused",
    ]);
    expect(requests).toEqual([`GET /v1/items ${host}:${port}`]);
    expect(records(proxy)).toEqual([
      "allowed GET api.example.org/v1/items x1",
      "denied POST api.example.org/v1/items method_not_listed x1",
      "denied GET api.example.org/v2/items path_not_listed x1",
      "denied GET api.example.org/v2 path_not_listed x2",
      "denied GET api.example.org/v1/items malformed x1",
      "denied GET api.example.orghttps://evil.example/v1/ malformed x1",
      "denied CONNECT api.example.org malformed x1",
    ]);
  });

  test("plain http in a tunnel is judged the same way", async () => {
    const { port, requests } = await world.upstream();
    const proxy = await world.proxy([`GET http://${host}:${port}/v1/*`]);
    const ask = async (line: string) => {
      const { socket } = await proxy.tunnel(`${host}:${port}`);
      return (await speak(socket!, [`${line} HTTP/1.1`, `host: ${host}:${port}`])).split("\r\n")[0];
    };
    expect([await ask("GET /v1/a"), await ask("GET /v2/a"), requests]).toEqual([
      "HTTP/1.1 200 OK",
      "HTTP/1.1 403 Forbidden",
      [`GET /v1/a ${host}:${port}`],
    ]);
  });

  test("the host's own certificate is checked", async () => {
    const { port, requests } = await world.secureUpstream("other.example.org");
    const proxy = await world.proxy([`https://${host}:${port}/*`]);
    const said = await inside(proxy, port, ["GET / HTTP/1.1", `host: ${host}:${port}`]);
    expect([said.split("\r\n")[0], requests, records(proxy)]).toEqual([
      "HTTP/1.1 502 Bad Gateway",
      [],
      ["allowed GET api.example.org/ upstream_failed x1"],
    ]);
  });

  test("a host alone is not looked into: the box sees the host's own certificate", async () => {
    const { port } = await world.secureUpstream(host);
    const proxy = await world.proxy([`${host}:${port}`]);
    const said = await inside(proxy, port, ["GET / HTTP/1.1", "host: x"], { ca: (await world.outside).certificate });
    expect([said.split("\r\n")[0], records(proxy)]).toEqual([
      "HTTP/1.1 200 OK",
      ["allowed CONNECT api.example.org x1"],
    ]);
  });
});

describe("secrets", () => {
  const host = "api.example.org";
  const value = "canary-7f3a9c/+secret";
  const secret = (port: number, changes = {}) => ({
    name: "token",
    hosts: [`${host}:${port}`],
    header: "Authorization",
    reveal: () => `Bearer ${value}`,
    ...changes,
  });
  const get = async (proxy: TestProxy, port: number, extra: string[] = []) => {
    const { socket } = await proxy.tunnel(`${host}:${port}`);
    const secured = await secureOver(socket!, host, (await world.inside).certificate);
    return speak(secured, ["GET /x HTTP/1.1", `host: ${host}:${port}`, ...extra]);
  };

  test("are added for their host over https, and hidden in every echo", async () => {
    let got: string | undefined;
    const { port } = await world.secureUpstream(host, (request, response) => {
      got = request.headers.authorization;
      response.setHeader("x-echo", String(got));
      const echoes = [
        value,
        Buffer.from(value).toString("base64"),
        Buffer.from(value).toString("hex"),
        encodeURIComponent(value),
      ];
      const text = echoes.join("\n");
      response.setHeader("content-length", text.length);
      // Cut in the middle of the secret.
      response.write(text.slice(0, 9));
      setTimeout(() => response.end(text.slice(9)), 20);
    });
    const proxy = await world.proxy([`${host}:${port}`], { secrets: [secret(port)] });
    const said = await get(proxy, port, ["authorization: Bearer its-own", "range: bytes=0-3", "accept-encoding: gzip"]);
    expect(got).toBe(`Bearer ${value}`);
    const lines = said.split("\r\n");
    expect([lines[0], lines.find((line) => line.startsWith("x-echo")), lines.at(-1)]).toEqual([
      "HTTP/1.1 200 OK",
      `x-echo: ${"*".repeat(`Bearer ${value}`.length)}`,
      [value, Buffer.from(value).toString("base64"), Buffer.from(value).toString("hex"), encodeURIComponent(value)]
        .map((echo) =>
          echo.endsWith("=")
            ? `${"*".repeat(echo.replaceAll("=", "").length)}${echo.slice(echo.indexOf("="))}`
            : "*".repeat(echo.length),
        )
        .join("\n"),
    ]);
    expect(proxy.proxy.records().map(({ secret: name }) => name)).toEqual(["token"]);
  });

  test("an answer that cannot be searched is kept back", async () => {
    const { port } = await world.secureUpstream(host, (_request, response) =>
      response.setHeader("content-encoding", "gzip").end("?"),
    );
    const proxy = await world.proxy([`${host}:${port}`], { secrets: [secret(port)] });
    expect([(await get(proxy, port)).split("\r\n")[0], records(proxy)]).toEqual([
      "HTTP/1.1 502 Bad Gateway",
      ["allowed GET api.example.org/x unreadable_answer x1"],
    ]);
  });

  test("go to no other host and over no plain connection", async () => {
    const seen: unknown[] = [];
    const { port } = await world.upstream((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    });
    const proxy = await world.proxy([`${host}:${port}`, `other.example.org:${port}`], { secrets: [secret(port)] });
    await proxy.send(`http://${host}:${port}/`);
    await proxy.send(`http://other.example.org:${port}/`);
    expect(seen).toEqual([undefined, undefined]);
  });

  test("are added to nothing that is not listed", async () => {
    let revealed = 0;
    const { port, requests } = await world.secureUpstream(host);
    const counted = secret(port, { reveal: () => `Bearer ${++revealed}` });
    const proxy = await world.proxy([`https://${host}:${port}/allowed`], { secrets: [counted] });
    const said = await get(proxy, port);
    expect([said.split("\r\n")[0], revealed, requests]).toEqual(["HTTP/1.1 403 Forbidden", 0, []]);
  });
});

test("without an authority no tunnel is looked into, and so none is opened that would have to be", async () => {
  const proxy = await world.proxy(["https://api.example.org/v1/*"], { canInspect: false, resolver: loopbackResolver });
  expect((await proxy.tunnel("api.example.org:443")).status).toBe(400);
});
