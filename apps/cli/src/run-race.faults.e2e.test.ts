// `ossaat run` while somebody else decides about the same plan.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "@ossaat/client";
import type { Client } from "@ossaat/client";
import { afterAll, beforeAll, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";
import { counterFrame, editSum, finish, turns, writeScript } from "./testing/script.ts";

let cli: Cli;
beforeAll(async () => {
  cli = await createCli();
});
afterAll(() => cli.close());

/** Another client of the server: it approves a plan as soon as there is one. */
async function approveFirst(client: Client, planId: string): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    const { status, planHash } = await client.getPlan(planId);
    if (status === "awaiting_approval" && planHash !== undefined) {
      await client.decidePlan(planId, { decision: "approve", planHash });
      return;
    }
    await sleep(20);
  }
  throw new Error("there was nothing to approve");
}

/** Forwards requests to the server; the first look at a plan is held back until the other client was there. */
function proxyOf({ url, token }: { url: string; token: string }) {
  const other = createClient({ baseUrl: () => url, token: () => token });
  let first: Promise<void> | undefined;
  return createServer((request, response) => {
    const forward = async () => {
      const planId = /\/plans\/([^/?]+)$/.exec(request.url ?? "")?.[1];
      if (request.method === "GET" && planId !== undefined) await (first ??= approveFirst(other, planId));
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const headers = Object.entries(request.headers).filter(([name]) => name !== "host" && name !== "connection");
      const answer = await fetch(`${url}${request.url}`, {
        method: request.method ?? "GET",
        headers: headers as [string, string][],
        ...(body.length === 0 ? {} : { body }),
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      for await (const chunk of answer.body ?? []) response.write(chunk);
      response.end();
    };
    forward().catch((error: unknown) => response.destroy(error as Error));
  });
}

test("a run whose plan another client approved is followed to its end", async () => {
  const repository = await makeRepository(path.join(cli.folder, "repository"));
  const model = await writeScript(path.join(cli.folder, "slow.json"), [
    ...counterFrame,
    ...turns("code-writer", "fix", { delayMs: 3_000, toolCalls: [editSum] }, finish("Mended.")),
  ]);
  await cli.run(repository, ["runs"]);
  const server = JSON.parse(readFileSync(path.join(cli.stateDir, "server.json"), "utf8")) as {
    url: string;
    token: string;
  };
  const proxy = proxyOf(server);
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = proxy.address() as AddressInfo;
    const env = { OSSAAT_URL: `http://127.0.0.1:${port}`, OSSAAT_TOKEN: server.token };
    const run = await cli.json(repository, ["run", "Let sum add", "--model", model], { env });
    expect([run.code, run.value.plan?.status], run.stderr).toEqual([0, "succeeded"]);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});
