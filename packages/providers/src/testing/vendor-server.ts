// A real HTTP server on loopback that answers with hand-written bytes: the vendor at its worst.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type SeenRequest = { path: string; headers: IncomingMessage["headers"]; body: Record<string, unknown> };

export type Answer = (response: ServerResponse, request: SeenRequest) => void | Promise<void>;

export type VendorServer = {
  url: string;
  /** Requests in order of arrival. */
  requests: SeenRequest[];
  /** Resolves when a client went away before its answer was complete. */
  clientLeft: Promise<void>;
  answerWith(answer: Answer): void;
  close(): Promise<void>;
};

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startVendorServer(): Promise<VendorServer> {
  const requests: SeenRequest[] = [];
  let answer: Answer = (response) => {
    response.writeHead(500).end();
  };
  let leave = () => {};
  const clientLeft = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    response.on("close", () => {
      if (!response.writableFinished) leave();
    });
    const text = await readBody(request);
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    const seen = { path: request.url ?? "", headers: request.headers, body };
    requests.push(seen);
    await answer(response, seen);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    clientLeft,
    answerWith: (next) => {
      answer = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Headers of an event stream. */
export const sseHeaders = { "content-type": "text/event-stream", "request-id": "req_1", "x-request-id": "req_1" };

/** Sends bytes in pieces of `size`, each in its own packet where the system lets us. */
export async function sendInPieces(response: ServerResponse, body: string, size: number): Promise<void> {
  const bytes = Buffer.from(body, "utf8");
  for (let at = 0; at < bytes.length; at += size) {
    await new Promise((resolve) => {
      response.write(bytes.subarray(at, at + size), resolve);
    });
  }
  response.end();
}

/** Writes the start of a body and then nothing: the connection stays open. */
export function sendAndHang(response: ServerResponse, body: string): void {
  response.writeHead(200, sseHeaders);
  response.flushHeaders();
  if (body !== "") response.write(body);
}
