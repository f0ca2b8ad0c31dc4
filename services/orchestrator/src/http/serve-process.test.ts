// The port of a process from its start to its end.
import express from "express";
import { expect, test } from "vitest";

import { drainingOf } from "./respond.ts";
import { serveProcess } from "./serve-process.ts";

test("a drain ends streams and readiness at once, and a request that runs gets its whole answer", async () => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const api = express();
  api.get("/slow", async (_request, response) => {
    begun.resolve();
    await release.promise;
    response.json({ whole: true });
  });
  api.get("/events", (_request, response) => {
    response.write(": here\n\n");
    drainingOf(response)?.addEventListener("abort", () => response.end());
  });
  const server = await serveProcess({
    port: 0,
    ready: () => Promise.resolve(),
    metrics: () => Promise.resolve("figures"),
    api,
    version: "1.2.3",
  });
  const url = `http://127.0.0.1:${server.port}`;
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const stream = await fetch(`${url}/events`);
  const slow = fetch(`${url}/slow`);
  await begun.promise;
  server.drain();
  expect(await stream.text()).toBe(": here\n\n");
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  const closed = server.close(60_000);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow("fetch failed");
  release.resolve();
  expect(await (await slow).json()).toEqual({ whole: true });
  await closed;
});
