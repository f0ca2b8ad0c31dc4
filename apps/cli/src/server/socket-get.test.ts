import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";

import { afterEach, expect, test } from "vitest";

import { socketGet } from "./socket-get.ts";

const servers: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A server that says exactly this, in pieces, whatever it is asked. */
async function say(...pieces: readonly string[]): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      void (async () => {
        for (const piece of pieces) {
          socket.write(piece);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        socket.end();
      })();
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const answerJson: RequestListener = (request, response) => {
  const text = JSON.stringify({ asked: request.url, host: request.headers.host, token: request.headers.authorization });
  response.writeHead(200, { "content-length": Buffer.byteLength(text) }).end(text);
};

test("asks as node:http would, and keeps the connection for the next question", async () => {
  let connections = 0;
  const { server, url } = await serve(answerJson);
  server.on("connection", () => (connections += 1));
  const host = url.slice("http://".length);
  for (const asked of ["/plans?repository=%2Fa%20b", "/healthz"]) {
    const answer = await socketGet(`${url}${asked}`, { headers: { authorization: "Bearer x" } });
    const text = JSON.stringify({ asked, host, token: "Bearer x" });
    expect([answer?.status, answer?.ok, await answer?.text()]).toEqual([200, true, text]);
  }
  expect(connections).toBe(1);
});

test("gives an error's status and text, beyond ASCII and in any pieces", async () => {
  const body = '{"message":"nicht gefunden: é 日本"}';
  const head = `HTTP/1.1 404 Not Found\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const answer = await socketGet(await say(head.slice(0, 20), head.slice(20), body.slice(0, 10), body.slice(10)));
  expect([answer?.status, answer?.ok, await answer?.text()]).toEqual([404, false, body]);
});

const others: [string, string][] = [
  ["is sent in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
  ["has both a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"],
  ["does not name its length", "HTTP/1.1 200 OK\r\n\r\n{}"],
  ["is longer than it says", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}"],
  ["is of another protocol", "SSH-2.0-x\r\n\r\n"],
];
test.each(others)("leaves to node:http an answer that %s", async (_name, text) => {
  expect(await socketGet(await say(text))).toBeUndefined();
});

test("a cut answer is no answer", async () => {
  const url = await say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}");
  await expect(socketGet(url)).rejects.toThrow("fetch failed");
});

test("says when nobody is there, as fetch does", async () => {
  const { server, url } = await serve(answerJson);
  await new Promise((resolve) => server.close(resolve));
  const error: unknown = await socketGet(url).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ message: "fetch failed", cause: { code: "ECONNREFUSED" } });
});

test("ends with its signal", async () => {
  const { url } = await serve(() => undefined);
  await expect(socketGet(url, { signal: AbortSignal.timeout(20) })).rejects.toThrow("fetch failed");
  await expect(socketGet(url, { signal: AbortSignal.abort() })).rejects.toThrow("fetch failed");
});

test("a line break makes no header of its own", async () => {
  const { url } = await serve(answerJson);
  await expect(socketGet(url, { headers: { authorization: "x\r\nhost: y" } })).rejects.toThrow("line break");
});
