// `fetch` over node:http: the built-in one takes longer to load than everything else a command does.
import { Agent, request as requestHttp } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import { Readable } from "node:stream";

import type { ClientAnswer, ClientFetch } from "@ossaat/client";

/** Bytes of an answer that is read whole; the largest there is is the diff of a plan. */
const maxAnswerBytes = 256 * 1024 * 1024;

// One connection for the requests of a command, which follow one another.
const agent = new Agent({ keepAlive: true });

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function toAnswer(message: IncomingMessage): ClientAnswer {
  const status = message.statusCode ?? 0;
  const text = () => readText(message);
  return {
    status,
    ok: status >= 200 && status < 300,
    text,
    json: async () => JSON.parse(await text()) as unknown,
    get body() {
      return Readable.toWeb(message) as ReadableStream<Uint8Array<ArrayBuffer>>;
    },
  };
}

async function send(url: string, options: RequestOptions, body: string | undefined): Promise<IncomingMessage> {
  const isPlain = url.startsWith("http:");
  const request = isPlain
    ? requestHttp(url, { ...options, agent })
    : (await import("node:https")).request(url, options);
  return new Promise((resolve, reject) => {
    request.on("response", resolve);
    // As of the built-in one: what went wrong is the cause.
    request.on("error", (cause) => reject(new TypeError("fetch failed", { cause })));
    request.end(body);
  });
}

/** Asks once; an abort of the signal ends the request and whatever is still read of the answer. */
export const httpFetch: ClientFetch = async (url, { method, headers, body, signal }) => {
  const options = { method, headers, ...(signal === undefined ? {} : { signal }) };
  return toAnswer(await send(url, options, body));
};
