// What a caller of the index may rely on, whether the index is in this process or another.
import { AgentError } from "@ossaat/contracts";
import type { IndexService } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createIndexHandlers } from "./service/index-handlers.ts";
import type { Indexer } from "./service/index-handlers.ts";
import { makeTempCache } from "./testing/make-temp-cache.ts";
import { makeRepository } from "./testing/make-repository.ts";
import type { TestRepository } from "./testing/make-repository.ts";
import { shopFiles } from "./testing/shop.ts";

/** Puts the path under test in front of an index. */
export type Connect = (index: IndexService) => Promise<{ index: IndexService; close(): Promise<void> }>;

async function refusal(work: Promise<unknown>): Promise<AgentError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AgentError);
  return thrown as AgentError;
}

export function describeIndexService(connect: Connect): void {
  const cache = makeTempCache();
  let own: Indexer;
  let shop: TestRepository;
  let tested: Awaited<ReturnType<Connect>>;

  beforeAll(async () => {
    const many = Object.fromEntries(Array.from({ length: 1_200 }, (_unused, at) => [`many/file-${at}.txt`, "x"]));
    // Characters of three bytes and of two UTF-16 units, over several messages.
    const large = "€😀\n".repeat(400_000);
    shop = makeRepository({ message: "Start", files: { ...shopFiles, ...many, "large.txt": large } });
    own = createIndexHandlers({ cacheDir: cache.path });
    tested = await connect(own);
  });
  afterAll(async () => {
    await tested.close();
    await own.close();
    shop.remove();
    cache.remove();
  });

  describe("gives the same answers as the index itself", () => {
    it("for a profile", async () => {
      expect(await tested.index.profile(shop.ref)).toEqual(await own.profile(shop.ref));
    });

    it("for a search, with and without a prefix", async () => {
      for (const more of [{}, { pathPrefix: "src/http/" }, { pathPrefix: "" }]) {
        const request = { ...shop.ref, query: "cart total coupon retry", topK: 20, ...more };
        const hits = await tested.index.search(request);
        expect(hits.length).toBeGreaterThan(0);
        expect(hits).toEqual(await own.search(request));
      }
    });

    it("for symbols and outlines", async () => {
      const named = { ...shop.ref, name: "cartTotal", limit: 5 };
      expect(await tested.index.findSymbols(named)).toEqual(await own.findSymbols(named));
      const outline = { ...shop.ref, path: "src/http/retry-request.ts" };
      expect(await tested.index.outline(outline)).toEqual(await own.outline(outline));
      expect(await tested.index.findSymbols({ ...named, name: "none" })).toEqual([]);
    });

    it("for more paths than one message holds", async () => {
      const paths = await tested.index.listPaths({ ...shop.ref, pathPrefix: "many/", limit: 5_000 });
      expect(paths).toHaveLength(1_200);
      expect(paths).toEqual(await own.listPaths({ ...shop.ref, pathPrefix: "many/", limit: 5_000 }));
    });

    it("for a file that is larger than one message, whole and cut", async () => {
      for (const [path, maxBytes] of [
        ["large.txt", 4 * 1024 * 1024],
        ["large.txt", 1_001],
        ["AGENTS.md", 1_000],
      ] as const) {
        const request = { ...shop.ref, path, maxBytes };
        expect(await tested.index.readFile(request)).toEqual(await own.readFile(request));
      }
    });
  });

  it("refuses with the exact code and message", async () => {
    const missing = await refusal(tested.index.readFile({ ...shop.ref, path: "none", maxBytes: 10 }));
    expect([missing.code, missing.message]).toEqual([
      "not_found",
      '"none" does not exist at this commit: list the paths to find the right one.',
    ]);
    expect((await refusal(tested.index.search({ ...shop.ref, query: "x", topK: 0 }))).code).toBe("invalid_input");
    expect((await refusal(tested.index.profile({ ...shop.ref, root: "relative" }))).code).toBe("invalid_input");
    const unknown = await refusal(tested.index.profile({ ...shop.ref, commit: "0".repeat(40) }));
    const itself = await refusal(own.profile({ ...shop.ref, commit: "0".repeat(40) }));
    expect([unknown.code, unknown.message]).toEqual([itself.code, itself.message]);
  });

  it("shares no value with its caller", async () => {
    const request = { ...shop.ref, path: "src/http/retry-request.ts" };
    const [first] = await tested.index.outline(request);
    if (first !== undefined) first.name = "changed";
    expect((await tested.index.outline(request))[0]?.name).toBe("maxAttempts");
  });
}
