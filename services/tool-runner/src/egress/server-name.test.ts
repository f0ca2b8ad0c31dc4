import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";

import { afterEach, expect, test } from "vitest";

import { EgressWorld, secureOver, speak } from "../testing/egress-world.ts";
import { serverNameGate } from "./server-name.ts";

let world = new EgressWorld();
afterEach(() => {
  world.close();
  world = new EgressWorld();
});

async function open() {
  const upstream = await world.secureUpstream("api.example.org");
  const proxy = await world.proxy([`api.example.org:${upstream.port}`]);
  const { socket } = await proxy.tunnel(`api.example.org:${upstream.port}`);
  if (socket === undefined) throw new Error("the tunnel was refused");
  return { socket, proxy, requests: upstream.requests };
}

test("a sealed tunnel passes a handshake that names its host", async () => {
  const { socket, proxy } = await open();
  const secured = await secureOver(socket, "API.example.org", (await world.outside).certificate);
  expect(await speak(secured, ["GET / HTTP/1.1", "host: api.example.org"])).toContain("hello");
  expect(proxy.log()).toEqual(["allowed CONNECT api.example.org x1"]);
});

test.each<[string, ConnectionOptions]>([
  ["another host", { servername: "other.example.org" }],
  ["no host", {}],
])("a sealed tunnel cuts a handshake that names %s, and says so once", async (_what, options) => {
  const { socket, proxy, requests } = await open();
  const outcome = await new Promise<string>((resolve) => {
    const secured = connectTls({ socket, rejectUnauthorized: false, ...options }, () => resolve("secured"));
    secured.on("error", () => resolve("cut"));
    secured.on("close", () => resolve("cut"));
  });
  expect([outcome, requests, proxy.log()]).toEqual([
    "cut",
    [],
    ["denied CONNECT api.example.org other_server_name x1"],
  ]);
});

/** What comes out of a gate for these pieces, or that it was closed. */
async function passed(pieces: readonly Buffer[]): Promise<string> {
  const gate = serverNameGate("api.example.org");
  const out: Buffer[] = [];
  gate.on("data", (data: Buffer) => out.push(data));
  return new Promise((resolve) => {
    gate.on("error", () => resolve("cut"));
    gate.on("end", () => resolve(Buffer.concat(out).toString("latin1")));
    for (const piece of pieces) gate.write(piece);
    gate.end();
  });
}

/** The first message of a real client. */
async function realHello(servername: string): Promise<Buffer> {
  const { Duplex } = await import("node:stream");
  return new Promise((resolve) => {
    const stream = new Duplex({
      read: () => undefined,
      write: (data: Buffer) => resolve(data),
    });
    connectTls({ socket: stream, servername }).on("error", () => undefined);
  });
}

test("the name is found however the handshake is cut into pieces and records", async () => {
  const hello = await realHello("api.example.org");
  const bytes = [...hello].map((byte) => Buffer.from([byte]));
  const body = hello.subarray(5);
  const records = [body.subarray(0, 40), body.subarray(40)].map((part) => {
    const head = Buffer.from([0x16, 3, 1, 0, 0]);
    head.writeUInt16BE(part.length, 3);
    return Buffer.concat([head, part]);
  });
  expect([await passed([hello]), await passed(bytes), await passed(records)]).toEqual([
    hello.toString("latin1"),
    hello.toString("latin1"),
    Buffer.concat(records).toString("latin1"),
  ]);
  const foreign = await realHello("other.example.org");
  expect(await passed([...foreign].map((byte) => Buffer.from([byte])))).toBe("cut");
});

test("other protocols pass, and what only looks like a handshake does not", async () => {
  expect(await passed([Buffer.from("SSH-2.0-x\r\n")])).toBe("SSH-2.0-x\r\n");
  const hello = await realHello("api.example.org");
  const lying = Buffer.from(hello);
  // The length of the session's id, beyond the message.
  lying[43] = 0xff;
  expect([await passed([lying]), await passed([Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0])])]).toEqual(["cut", "cut"]);
});
