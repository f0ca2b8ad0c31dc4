// Answers scrapes of a process that has no HTTP port of its own: on the loopback interface, to whoever
// can reach it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { metricsContentType, renderMetrics } from "./render-metrics.ts";

export type MetricsServer = { url: string; close(): Promise<void> };

/** Serves `/metrics` on a port of the loopback interface; 0 takes a free one. Rejects when it is taken. */
export async function serveMetrics(port: number): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    renderMetrics().then(
      (text) => response.writeHead(200, { "content-type": metricsContentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
