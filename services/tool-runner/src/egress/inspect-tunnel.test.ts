import { afterEach, describe, expect, test } from "vitest";

import { EgressWorld, secureOver, speak } from "../testing/egress-world.ts";
import type { TestProxy } from "../testing/egress-world.ts";

let world = new EgressWorld();
afterEach(() => {
  world.close();
  world = new EgressWorld();
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
    expect(proxy.log()).toEqual([
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
    expect([said.split("\r\n")[0], requests, proxy.log()]).toEqual([
      "HTTP/1.1 502 Bad Gateway",
      [],
      ["allowed GET api.example.org/ upstream_failed x1"],
    ]);
  });

  test("a host alone is not looked into: the box sees the host's own certificate", async () => {
    const { port } = await world.secureUpstream(host);
    const proxy = await world.proxy([`${host}:${port}`]);
    const said = await inside(proxy, port, ["GET / HTTP/1.1", "host: x"], { ca: (await world.outside).certificate });
    expect([said.split("\r\n")[0], proxy.log()]).toEqual(["HTTP/1.1 200 OK", ["allowed CONNECT api.example.org x1"]]);
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
    expect([(await get(proxy, port)).split("\r\n")[0], proxy.log()]).toEqual([
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
  const proxy = await world.proxy(["https://api.example.org/v1/*"], { canInspect: false });
  expect((await proxy.tunnel("api.example.org:443")).status).toBe(400);
});
