// What every provider over HTTP must do when the vendor or the network misbehaves: real HTTP on
// loopback, bodies written by hand.
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { collectTurn } from "./collect-turn.ts";
import { timeoutDefaults } from "./limits.ts";
import type { ProviderError } from "./provider-error.ts";
import type { ModelProvider, Timeouts } from "./spec.ts";
import { readAll, testRequest } from "./testing/requests.ts";
import { sendAndHang, sendInPieces, sseHeaders, startVendorServer } from "./testing/vendor-server.ts";
import type { VendorServer } from "./testing/vendor-server.ts";
import { withTimeouts } from "./with-timeouts.ts";

export type HttpWire = {
  open: (baseUrl: string, apiKey: string) => ModelProvider;
  modelId: string;
  /** A whole answer as sent on the wire: the text `Grüße 👋 — done` and then a call of read_file {"path":"ä.ts"}. */
  answer: string;
  /** The first event of text of `answer`, and everything before it. */
  beginning: string;
  /** An event that is not JSON, after `beginning`. */
  malformed: string;
  /** An answer cut by the token limit in the middle of the tool call's arguments. */
  cutByLimit: string;
  /** An answer that claims to be complete, with broken tool arguments. */
  brokenCall: string;
  /** An error inside a 200 stream, and its kind. */
  errorInStream: { body: string; kind: string };
  /** Error bodies by case. */
  errors: { name: string; status: number; body: object; headers?: Record<string, string>; expected: object }[];
};

const key = "sk-test-0123456789-planted-secret";
const secretText =
  "The vendor\u001b[31m says why: you sent\u202e sk-test-0123456789-planted-secret, ending in planted-secret";

/** Puts the planted texts into a body's message, wherever the vendor has it. */
export function errorMessage(): string {
  return secretText;
}

export function describeHttpProvider(name: string, wire: HttpWire): void {
  describe(`${name} over a bad line`, () => {
    let server: VendorServer;
    let provider: ModelProvider;
    const request = (changes: { signal?: AbortSignal; timeouts?: Timeouts } = {}) =>
      testRequest({ modelId: wire.modelId, ...changes });
    const failure = async (changes: { signal?: AbortSignal; timeouts?: Timeouts } = {}): Promise<ProviderError> => {
      const events = await readAll(provider.stream(request(changes)));
      expect(events.filter((event) => event.type === "error" || event.type === "finish")).toHaveLength(1);
      const last = events.at(-1);
      if (last?.type !== "error") throw new Error(`expected an error, got ${last?.type}`);
      return last.error;
    };

    beforeEach(async () => {
      server = await startVendorServer();
      provider = withTimeouts(wire.open(server.url, key));
    });
    afterEach(() => server.close());

    test.each([1, 2, 3, 7, 64, 100_000])("reads the same turn from pieces of %i bytes", async (size) => {
      server.answerWith((response) => {
        response.writeHead(200, sseHeaders);
        return sendInPieces(response, wire.answer, size);
      });
      const turn = await collectTurn(provider.stream(request()));
      expect(turn.message.parts).toMatchObject([
        { type: "text", text: "Grüße 👋 — done" },
        { type: "toolCall", name: "read_file", input: { path: "ä.ts" } },
      ]);
      expect(turn.finishReason).toBe("toolCalls");
      expect(turn.requestId).toBe("req_1");
    });

    test.each(wire.errors)("$name", async ({ status, body, headers, expected }) => {
      server.answerWith((response) => {
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
      });
      const error = await failure();
      expect(error).toMatchObject({ status, phase: "beforeFirstToken", ...expected });
      expect(server.requests).toHaveLength(1);
    });

    test("an error says why, without the key, parts of it or characters that deceive", async () => {
      for (const { status, body } of wire.errors) {
        server.answerWith((response) => {
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
        });
        const error = await failure();
        expect(body).toMatchObject({ error: { message: secretText } });
        const shown = `${error.message} ${error.stack} ${JSON.stringify(error.details)} ${String(error.cause)}`;
        expect(shown).toContain('It says: "The vendor\\u{1b}[31m says why: you sent\\u{202e} [redacted], ending in ');
        for (const hidden of [key, key.slice(0, 8), "planted-secret", "\u001b", "\u202e"]) {
          expect(shown).not.toContain(hidden);
        }
      }
    });

    test("a date in Retry-After counts too", async () => {
      server.answerWith((response) => {
        const date = new Date(Date.now() + 3_600_000).toUTCString();
        response.writeHead(429, { "retry-after": date, "content-type": "application/json" }).end("{}");
      });
      const error = await failure();
      expect(error.kind).toBe("rateLimit");
      expect(error.retryAfterMs).toBeGreaterThan(3_000_000);
      expect(error.retryAfterMs).toBeLessThanOrEqual(3_600_000);
    });

    test("a refused connection is a network error before the first token", async () => {
      await server.close();
      const error = await failure();
      expect(error).toMatchObject({ kind: "network", retryable: true, vendorCode: "ECONNREFUSED" });
    });

    test("a connection cut in the middle of an answer is a network error after the first token", async () => {
      server.answerWith(async (response) => {
        sendAndHang(response, wire.beginning);
        await sleep(50);
        response.destroy();
      });
      expect(await failure()).toMatchObject({ kind: "network", retryable: true, phase: "afterFirstToken" });
    });

    test("an answer that ends politely but early is no answer", async () => {
      server.answerWith((response) => {
        response.writeHead(200, sseHeaders).end(wire.beginning);
      });
      expect(await failure()).toMatchObject({ kind: "network", phase: "afterFirstToken" });
    });

    test("an empty body is no answer", async () => {
      server.answerWith((response) => {
        response.writeHead(200, sseHeaders).end();
      });
      expect(await failure()).toMatchObject({ kind: "network", phase: "beforeFirstToken" });
    });

    test.each([
      ["a web page", "text/html; charset=utf-8", "<html><body>Welcome</body></html>"],
      ["an answer that is not streamed", "application/json", '{"choices":[{"message":{"content":"Hello"}}]}'],
      ["plain text", "text/plain", "It works!"],
    ])("%s in place of a stream is named, and not asked for again", async (_name, type, body) => {
      server.answerWith((response) => {
        response.writeHead(200, { "content-type": type }).end(body);
      });
      const error = await failure();
      expect(error).toMatchObject({ kind: "protocol", retryable: false, phase: "beforeFirstToken" });
      expect(error.message).toBe(
        `${new URL(server.url).host} answered with ${type.split(";")[0]} where a stream of events was expected.`,
      );
      expect(error.details).toMatchObject({ next: expect.stringMatching(/^check (?:OPENAI|ANTHROPIC)_BASE_URL: /u) });
    });

    test("an event that is not JSON is a protocol error", async () => {
      server.answerWith((response) => {
        response.writeHead(200, sseHeaders).end(wire.malformed);
      });
      expect(await failure()).toMatchObject({ kind: "protocol", phase: "afterFirstToken" });
    });

    test("an error inside a 200 stream is an error", async () => {
      server.answerWith((response) => {
        response.writeHead(200, sseHeaders).end(wire.errorInStream.body);
      });
      expect(await failure()).toMatchObject({ kind: wire.errorInStream.kind, phase: "afterFirstToken" });
    });

    test("a tool call cut by the token limit is dropped, the turn says length", async () => {
      server.answerWith((response) => {
        response.writeHead(200, sseHeaders).end(wire.cutByLimit);
      });
      const turn = await collectTurn(provider.stream(request()));
      expect(turn).toMatchObject({ finishReason: "length", toolCalls: [] });
    });

    test("a complete answer with broken tool arguments is unusable", async () => {
      server.answerWith((response) => {
        response.writeHead(200, sseHeaders).end(wire.brokenCall);
      });
      await expect(collectTurn(provider.stream(request()))).rejects.toMatchObject({ kind: "protocol" });
    });

    const hangs: [string, string | undefined, Timeouts, object][] = [
      ["before headers", undefined, { connectMs: 40 }, { timeout: "connect", phase: "beforeFirstToken" }],
      ["before the first token", "", { firstTokenMs: 40 }, { timeout: "firstToken", phase: "beforeFirstToken" }],
      ["in the middle", wire.beginning, { idleMs: 40 }, { timeout: "idle", phase: "afterFirstToken" }],
      ["for too long in all", wire.beginning, { totalMs: 200 }, { timeout: "total", phase: "afterFirstToken" }],
    ];
    test.each(hangs)("a vendor that hangs %s times out", async (_name, sent, timeouts, expected) => {
      server.answerWith((response) => {
        if (sent !== undefined) sendAndHang(response, sent);
      });
      const error = await failure({ timeouts: { ...timeoutDefaults, ...timeouts } });
      expect(error).toMatchObject({ kind: "timeout", code: "timeout", retryable: true, ...expected });
      await server.clientLeft;
    });

    test("a cancelled call ends at once and hangs up", async () => {
      server.answerWith((response) => sendAndHang(response, wire.beginning));
      const abort = new AbortController();
      const seen: string[] = [];
      for await (const event of provider.stream(request({ signal: abort.signal }))) {
        seen.push(event.type === "error" ? event.error.kind : event.type);
        if (event.type === "blockDelta") abort.abort();
      }
      expect(seen.at(-1)).toBe("cancelled");
      await server.clientLeft;
    });

    test("leaving the iteration hangs up", async () => {
      server.answerWith((response) => sendAndHang(response, wire.beginning));
      for await (const event of provider.stream(request())) {
        if (event.type === "blockDelta") break;
      }
      await server.clientLeft;
      expect(server.requests).toHaveLength(1);
    });

    test("the adapter alone, without the timers' wrapper, keeps the stream rules on abort", async () => {
      server.answerWith((response) => sendAndHang(response, wire.beginning));
      const abort = new AbortController();
      const kinds: string[] = [];
      for await (const event of wire.open(server.url, key).stream(request({ signal: abort.signal }))) {
        kinds.push(event.type === "error" ? event.error.kind : event.type);
        if (event.type === "blockDelta") abort.abort();
      }
      expect(kinds.at(-1)).toBe("cancelled");
    });
  });
}
