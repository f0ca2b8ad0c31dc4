// Questions to the embedded server over a bare socket: node:http takes longer to load than a small command
// does everything else. It reads only answers that name their length; node:http reads the rest.
import { connect } from "node:net";
import type { Socket } from "node:net";

import type { ClientAnswer } from "@ossaat/client";
import { AgentError } from "@ossaat/contracts/errors";

import { answerTooLarge, maxAnswerBytes } from "./answer-limit.ts";

const headEnd = "\r\n\r\n";

export type GetOptions = { headers?: Record<string, string>; signal?: AbortSignal };

/** The connection of the question before: those of a command follow one another. */
let kept: { host: string; socket: Socket } | undefined;

function takeSocket({ host, hostname, port }: URL): Socket {
  const { socket } = kept?.host === host ? kept : {};
  kept = undefined;
  if (socket !== undefined && socket.writable) return socket.ref();
  return connect({ host: hostname.replace(/^\[(.*)\]$/u, "$1"), port: Number(port === "" ? 80 : port) });
}

function keepSocket(host: string, socket: Socket): void {
  socket.removeAllListeners();
  // One that breaks while nobody asks is noticed by the next question.
  socket.on("error", () => socket.destroy());
  socket.unref();
  kept = { host, socket };
}

function requestText({ host, pathname, search }: URL, headers: Record<string, string>): string {
  const all = Object.entries({ host, ...headers });
  // A line break in a value would be a header of its own.
  if (all.some(([name, value]) => /[\r\n]/u.test(name + value))) throw new TypeError("a header holds a line break");
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

type Head = { status: number; bodyStart: number; bodyBytes: number };

/** Undefined while it is not whole; null when only node:http can read what follows. */
function readHead(received: Buffer): Head | null | undefined {
  const end = received.indexOf(headEnd);
  if (end < 0) return undefined;
  const text = `${received.toString("latin1", 0, end)}\r\n`;
  const status = Number(/^HTTP\/1\.1 ([2-5]\d\d)/u.exec(text)?.[1]);
  const bodyBytes = Number(/\r\ncontent-length: *(\d+)\r\n/iu.exec(text)?.[1]);
  if (Number.isNaN(status + bodyBytes) || /\r\ntransfer-encoding:/iu.test(text)) return null;
  return { status, bodyStart: end + headEnd.length, bodyBytes };
}

function toAnswer({ status }: Head, body: Buffer): ClientAnswer {
  const text = body.toString("utf8");
  return {
    status,
    ok: status < 300,
    body: null,
    text: () => Promise.resolve(text),
  };
}

/** Calls `end` with the answer, or with undefined when the server answers in another way. */
function readAnswer(socket: Socket, end: (answer: ClientAnswer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let head: Head | null | undefined;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) return void socket.destroy(answerTooLarge());
    head ??= readHead(Buffer.concat(chunks));
    if (head === null) return end(undefined);
    if (head === undefined || bytes < head.bodyStart + head.bodyBytes) return undefined;
    const body = Buffer.concat(chunks).subarray(head.bodyStart);
    return end(body.length === head.bodyBytes ? toAnswer(head, body) : undefined);
  });
}

/**
 * Asks once; undefined when the server answered in a way that takes node:http to read.
 * @throws TypeError with the cause, as `fetch` does
 */
export async function socketGet(
  url: string,
  { headers = {}, signal }: GetOptions = {},
): Promise<ClientAnswer | undefined> {
  const address = new URL(url);
  const text = requestText(address, headers);
  const socket = takeSocket(address);
  const stop = () => socket.destroy(signal?.reason as Error);
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<ClientAnswer | undefined>();
  const fail = (cause: unknown) =>
    reject(cause instanceof AgentError ? cause : new TypeError("fetch failed", { cause }));
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the connection was closed before the answer")));
  readAnswer(socket, resolve);
  socket.write(text);
  try {
    const answer = await promise;
    if (answer === undefined) socket.destroy();
    else keepSocket(address.host, socket);
    return answer;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
