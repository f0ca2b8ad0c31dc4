import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { AgentError } from "@ossaat/contracts";
import express from "express";
import { expect, test } from "vitest";

import { errorHandler } from "./respond.ts";

async function answerOf(thrown: unknown) {
  const app = express();
  app.get("/", () => Promise.reject(thrown as Error));
  app.use(errorHandler({ error: () => undefined }));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const { code, details } = (await response.json()) as { code: string; details: { next: string } };
    return { status: response.status, retryAfter: response.headers.get("retry-after"), code, next: details.next };
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test("who is turned away for a while hears for how long, in the header every client knows", async () => {
  const details = { retryAfterSeconds: 30, next: "wait" };
  expect(await answerOf(new AgentError("rate_limited", "Too much.", { details }))).toEqual({
    status: 429,
    retryAfter: "30",
    code: "rate_limited",
    next: "wait",
  });
});

test("what nobody foresaw has no header and no text of its own", async () => {
  expect(await answerOf(new Error("secret"))).toEqual({
    status: 500,
    retryAfter: null,
    code: "internal",
    next: "ossaat doctor",
  });
});
