// The client against a real HTTP server that breaks connections and sends nonsense.
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, test } from "vitest";

import { createClient } from "./create-client.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return createClient({ baseUrl: () => `http://127.0.0.1:${port}`, token: () => "t" });
}

/** Breaks the first requests after they arrived, answers the others; counts all and keeps their keys. */
function breaks(times: number, seen: (string | undefined)[]): RequestListener {
  return (request, response) => {
    request.resume();
    seen.push(request.headers["idempotency-key"] as string | undefined);
    if (seen.length <= times) request.socket.destroy();
    else response.end(JSON.stringify({ plan: { id: "plan-1" } }));
  };
}

const hash = "a".repeat(64);
const planHash = { decision: "approve", planHash: hash } as const;

describe("a connection that breaks", () => {
  test.each([1, 2, 3])("%i times is asked again where asking twice does no harm", async (times) => {
    const seen: (string | undefined)[] = [];
    const client = await serve(breaks(times, seen));
    await expect(client.decidePlan("plan-1", planHash)).resolves.toEqual({ id: "plan-1" });
    expect(seen).toHaveLength(times + 1);
  });

  test("again and again is reported in the end", async () => {
    const seen: (string | undefined)[] = [];
    const client = await serve(breaks(99, seen));
    await expect(client.status()).rejects.toMatchObject({
      code: "unavailable",
      message: "The server does not answer.",
    });
    expect(seen).toHaveLength(4);
  });

  test("creates one plan: both tries carry one idempotency key", async () => {
    const seen: (string | undefined)[] = [];
    const client = await serve(breaks(1, seen));
    await client.createPlan({ goal: "x", repository: { path: "/r" } });
    expect(seen).toHaveLength(2);
    expect(seen[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen[1]).toBe(seen[0]);
  });

  test.each([200, 409])(
    "in the middle of an answer (%i) is asked again, or reported, like one before it",
    async (status) => {
      let requests = 0;
      const client = await serve((request, response) => {
        request.resume();
        requests += 1;
        const answer = JSON.stringify({ plan: { id: "plan-1" }, code: "conflict", message: "no" });
        response.writeHead(status, { "content-length": String(answer.length) });
        if (requests === 2) return void response.end(answer);
        response.write(answer.slice(0, 9), () => request.socket.destroy());
      });
      const asked = client.decidePlan("plan-1", planHash);
      if (status === 200) await expect(asked).resolves.toEqual({ id: "plan-1" });
      else await expect(asked).rejects.toMatchObject({ code: "conflict" });
      expect(requests).toBe(2);
      const edit = { basePlanHash: hash, plan: {} as never };
      await expect(client.editPlan("plan-1", edit)).rejects.toMatchObject({ code: "unavailable" });
      expect(requests).toBe(3);
    },
  );

  test("is reported where asking twice would do it twice", async () => {
    const seen: (string | undefined)[] = [];
    const client = await serve(breaks(1, seen));
    const revise = { decision: "revise", feedback: "other" } as const;
    await expect(client.decidePlan("plan-1", revise)).rejects.toMatchObject({ code: "unavailable" });
    await expect(client.retryPlan("plan-1", {})).resolves.toEqual({ id: "plan-1" });
    expect(seen).toHaveLength(2);
  });
});

test("an archive goes up in parts, whole, with the built-in fetch", async () => {
  const received: Buffer[] = [];
  const answer = { schemaVersion: 1, planId: "plan-1", outcome: "imported", status: "running", events: 3, notes: [] };
  const client = await serve((request, response) => {
    request.on("data", (chunk: Buffer) => received.push(chunk));
    request.on("end", () => response.end(JSON.stringify(answer)));
  });
  const part = Buffer.alloc(100_000, "a");
  const archive = async function* archive() {
    for (let n = 0; n < 5; n += 1) yield await Promise.resolve(part);
  };
  const imported = await client.importPlan(archive(), { signal: AbortSignal.timeout(10_000) });
  expect([imported, Buffer.concat(received).equals(Buffer.alloc(500_000, "a"))]).toEqual([answer, true]);
});

describe("nonsense from the server", () => {
  test.each([502, 200])("an answer (%i) that is not JSON is `unavailable`, not a stack", async (status) => {
    const client = await serve((_request, response) => response.writeHead(status).end("<html>"));
    await expect(client.status()).rejects.toMatchObject({ code: "unavailable" });
  });

  test("an event that cannot be read ends the stream at once", async () => {
    let requests = 0;
    const client = await serve((_request, response) => {
      requests += 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end('id: 1\nevent: plan.created\ndata: {"seq": 1}\n\n');
    });
    const read = async () => {
      for await (const item of client.watchPlan("plan-1", { signal: new AbortController().signal }))
        expect(item).toBe(0);
    };
    await expect(read()).rejects.toMatchObject({ code: "internal" });
    expect(requests).toBe(1);
  });
});
