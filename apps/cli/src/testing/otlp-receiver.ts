// A collector of a test: takes spans over OTLP/HTTP as JSON, as a real one does.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { z } from "zod";

const Value = z.object({ stringValue: z.string().optional(), intValue: z.union([z.string(), z.number()]).optional() });
const Attributes = z.array(z.object({ key: z.string(), value: Value.loose() })).default([]);
const Body = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string().regex(/^[0-9a-f]{32}$/u),
              spanId: z.string().regex(/^[0-9a-f]{16}$/u),
              parentSpanId: z.string().optional(),
              name: z.string(),
              kind: z.number(),
              attributes: Attributes,
            }),
          ),
        }),
      ),
    }),
  ),
});

export type ReceivedSpan = {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  attributes: Record<string, string | number | undefined>;
};

export type OtlpReceiver = {
  url: string;
  spans: readonly ReceivedSpan[];
  /** Requests as they came, headers first. */
  requests: readonly string[];
  /** What came and is no export of spans. */
  problems: readonly string[];
  close(): Promise<void>;
};

const record = (attributes: z.output<typeof Attributes>): ReceivedSpan["attributes"] =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));

function readSpans(text: string): ReceivedSpan[] {
  const { resourceSpans } = Body.parse(JSON.parse(text));
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(record(resource.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, traceId, spanId, parentSpanId, attributes }) => ({
        service,
        name,
        traceId,
        spanId,
        parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
        attributes: record(attributes),
      })),
    );
  });
}

/** Listens on a free port of the loopback interface. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: string[] = [];
  const problems: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      requests.push(`${JSON.stringify(request.headers)}\n${text}`);
      try {
        if (request.method !== "POST" || request.url !== "/v1/traces") throw new Error(`${request.url} was asked for`);
        spans.push(...readSpans(text));
      } catch (error) {
        problems.push(String(error));
      }
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    problems,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
