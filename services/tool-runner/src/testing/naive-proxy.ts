// A proxy that trusts what it is told: no list, no check of addresses, no parsing of its own. What an
// attack does through it shows what the real one stands in the way of.
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import type { HostLookup } from "../egress/resolve-host.ts";

const headEnd = "\r\n\r\n";

async function lead(socket: Socket, first: Buffer, lookup: HostLookup): Promise<void> {
  const text = first.toString("latin1");
  const [line = "", ...rest] = text.split("\r\n");
  const [method = "", target = ""] = line.split(" ");
  const isTunnel = method === "CONNECT";
  const url = new URL(isTunnel ? `http://${target}/` : target);
  const [address] = await lookup(url.hostname);
  const upstream = connect({ host: address?.address ?? "", port: Number(url.port) });
  for (const end of [socket, upstream]) end.on("error", () => [socket, upstream].forEach((each) => each.destroy()));
  if (isTunnel) {
    socket.write(`HTTP/1.1 200 Fine${headEnd}`);
    upstream.write(Buffer.from(text.slice(text.indexOf(headEnd) + headEnd.length), "latin1"));
  } else {
    const path = target.replace(/^http:\/\/[^/]*/u, "");
    upstream.write(Buffer.from([`${method} ${path === "" ? "/" : path} HTTP/1.1`, ...rest].join("\r\n"), "latin1"));
  }
  socket.pipe(upstream).pipe(socket);
}

/** Opens it on a port of this machine. */
export async function openNaiveProxy(lookup: HostLookup): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("data", (first: Buffer) => {
      socket.pause();
      void lead(socket, first, lookup).catch(() => socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
