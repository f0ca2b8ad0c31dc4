// Reads Server-Sent Events the way a client does.
import { request } from "node:http";
import type { IncomingMessage } from "node:http";

export type Frame = { id: string | undefined; event: string; data: unknown };

function parseFrame(text: string): Frame | undefined {
  const fields = new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith(":"))
      .map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
      }),
  );
  const data = fields.get("data");
  if (data === undefined) return undefined;
  return { id: fields.get("id"), event: fields.get("event") ?? "message", data: JSON.parse(data) as unknown };
}

export type Stream = {
  status: number;
  response: IncomingMessage;
  frames: Frame[];
  /** Resolves when the server has ended the stream. */
  ended: Promise<void>;
  close(): void;
};

export type StreamOptions = { headers?: Record<string, string>; paused?: boolean };

/** Opens a stream and collects its frames; a paused one reads nothing until `response.resume()`. */
export async function openStream(url: string, { headers = {}, paused = false }: StreamOptions = {}): Promise<Stream> {
  const sent = request(url, { headers: { accept: "text/event-stream", ...headers }, agent: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve);
    sent.on("error", reject);
    sent.end();
  });
  const frames: Frame[] = [];
  let rest = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const frame = parseFrame(part);
      if (frame !== undefined) frames.push(frame);
    }
  });
  if (paused) response.pause();
  const ended = new Promise<void>((resolve) => {
    response.on("end", resolve);
    response.on("close", resolve);
  });
  return { status: response.statusCode ?? 0, response, frames, ended, close: () => void response.destroy() };
}
