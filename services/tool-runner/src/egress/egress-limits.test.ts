import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, describe, expect, test } from "vitest";

import { EgressWorld, speak } from "../testing/egress-world.ts";

let world = new EgressWorld();
afterEach(() => {
  world.close();
  world = new EgressWorld();
});

const open = "api.example.org:1";

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
    expect([first.log(), second.log()]).toEqual([
      ["allowed POST api.example.org/ x2", "denied POST api.example.org byte_budget x1"],
      ["denied GET api.example.org/ byte_budget x1"],
    ]);
  });

  test("a step receives no more than it may, and the rest is cut off", async () => {
    const { port } = await world.upstream((_request, response) => response.end("x".repeat(1_000_000)));
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { maxStepDownBytes: 100_000 } });
    const got = await proxy.send(`http://api.example.org:${port}/`);
    expect([got.body.length < 400_000, got.body.endsWith("[cut]"), proxy.log()]).toEqual([
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
    expect([got.length < 400_000, proxy.log()]).toEqual([
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
    expect(proxy.log().at(-1)).toBe("denied too_many_requests x1");
  });

  test("a host that does not answer in time", async () => {
    const { port } = await world.upstream(() => undefined);
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { idleTimeoutMs: 200 } });
    const got = await proxy.send(`http://api.example.org:${port}/`);
    expect([got.status, proxy.log()]).toEqual([502, ["allowed GET api.example.org/ upstream_failed x1"]]);
  });

  test("a host that stops in the middle of its answer", async () => {
    const { port } = await world.upstream((_request, response) =>
      response.writeHead(200, { "content-length": "10" }).write("half"),
    );
    const proxy = await world.proxy([`api.example.org:${port}`], { limits: { idleTimeoutMs: 200 } });
    const got = await proxy.send(`http://api.example.org:${port}/`);
    expect(got.body).toBe("half[cut]");
    await expect.poll(() => proxy.log()).toEqual(["allowed GET api.example.org/ upstream_failed x1"]);
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
    expect(proxy.log()).toEqual([
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
    await expect.poll(() => proxy.log().length).toBe(2);
    proxy.proxy.close();
    await ended;
    expect(await waiting).toBe("cut");
  });
});
