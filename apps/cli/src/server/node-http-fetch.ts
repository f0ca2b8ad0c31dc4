// `fetch` over node:http: the built-in one takes longer to load than everything else a command does.
import { Agent, request as requestHttp } from "node:http";
import type { ClientRequest, IncomingMessage, RequestOptions, Server } from "node:http";
import { Readable, duplexPair } from "node:stream";

import type { ClientAnswer, ClientFetch } from "@ossaat/client";

import { answerTooLarge, maxAnswerBytes } from "./answer-limit.ts";

// One connection for the requests of a command, which follow one another.
const agent = new Agent({ keepAlive: true });

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw answerTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function toAnswer(message: IncomingMessage): ClientAnswer {
  const status = message.statusCode ?? 0;
  return {
    status,
    ok: status >= 200 && status < 300,
    text: () => readText(message),
    get body() {
      return Readable.toWeb(message) as ReadableStream<Uint8Array<ArrayBuffer>>;
    },
  };
}

type Body = Parameters<ClientFetch>[1]["body"];

function finish(request: ClientRequest, body: Body): Promise<ClientAnswer> {
  return new Promise((resolve, reject) => {
    request.on("response", (message) => resolve(toAnswer(message)));
    // As of the built-in one: what went wrong is the cause.
    request.on("error", (cause) => reject(new TypeError("fetch failed", { cause })));
    if (body === undefined || typeof body === "string") request.end(body);
    // A server may answer, and close, before it has read all: its answer says why.
    else Readable.from(body, { objectMode: false }).on("error", reject).pipe(request);
  });
}

function optionsOf({ method, headers, signal }: Parameters<ClientFetch>[1]): RequestOptions {
  return { method, headers, ...(signal === undefined ? {} : { signal }) };
}

/** Asks once; an abort of the signal ends the request and whatever is still read of the answer. */
export const nodeHttpFetch: ClientFetch = async (url, init) => {
  const request = url.startsWith("http:")
    ? requestHttp(url, { ...optionsOf(init), agent })
    : (await import("node:https")).request(url, optionsOf(init));
  return finish(request, init.body);
};

/** Asks a server of this process, which listens nowhere: each request has a connection in memory. */
export function memoryFetch(server: Server): ClientFetch {
  const createConnection = () => {
    const [near, far] = duplexPair();
    server.emit("connection", far);
    return near;
  };
  return (url, init) => finish(requestHttp(url, { ...optionsOf(init), createConnection }), init.body);
}
