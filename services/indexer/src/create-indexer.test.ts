import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createIndexer } from "./create-indexer.ts";
import { makeRepository } from "./testing/make-repository.ts";
import type { TestRepository } from "./testing/make-repository.ts";
import type { Indexer } from "./service/index-handlers.ts";
import { shopFiles } from "./testing/shop.ts";

let cacheDir: string;
let index: Indexer;
const made: TestRepository[] = [];

function make(...commits: Parameters<typeof makeRepository>): TestRepository {
  const repository = makeRepository(...commits);
  made.push(repository);
  return repository;
}

beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "ossaat-index-cache-"));
  index = createIndexer({ cacheDir });
});

afterAll(async () => {
  await index.close();
  for (const repository of made) repository.remove();
  rmSync(cacheDir, { recursive: true, force: true });
});

describe("a shop", () => {
  let shop: TestRepository;
  beforeAll(() => {
    shop = make({ message: "Start", files: shopFiles });
  });

  const search = (query: string, topK = 5) => index.search({ ...shop.ref, query, topK });

  test("two goals lead to different places", async () => {
    const coupon = await search("coupon discount is wrong");
    const retry = await search("wait longer between retries with backoff");
    expect(coupon[0]).toMatchObject({ path: "src/cart/cart-total.ts", symbol: "applyCoupon" });
    expect(retry[0]?.path).toBe("src/http/retry-request.ts");
    expect(coupon[0]?.signals.join(" ")).toContain("coupon");
  });

  test("a snippet is the text of its line range", async () => {
    for (const hit of await search("coupon backoff server total")) {
      const lines = shopFiles[hit.path]?.split("\n").slice(hit.startLine - 1, hit.endLine) ?? [];
      expect(hit.snippet).toBe(lines.join("\n"));
    }
  });

  test("tests come first only when they are asked for", async () => {
    const fix = await search("fix the cart total");
    const cover = await search("add a test for the cart total");
    expect(fix[0]?.path).toBe("src/cart/cart-total.ts");
    expect(cover[0]?.path).toBe("src/cart/cart-total.test.ts");
  });

  test("docs come first when they are asked for", async () => {
    expect((await search("document the cart total in the docs"))[0]?.path).toBe("docs/cart.md");
  });

  test("a name spelled out leads to its definition", async () => {
    expect((await search("RetryPolicy"))[0]).toMatchObject({ path: "src/http/retry-request.ts" });
    expect((await search("look at src/http/server.ts"))[0]?.path).toBe("src/http/server.ts");
  });

  test("lock files are never hits", async () => {
    const hits = await search("retry backoff coupon lockfileVersion", 50);
    expect(hits.map(({ path }) => path)).not.toContain("pnpm-lock.yaml");
  });

  test("a path prefix narrows the search", async () => {
    const hits = await index.search({ ...shop.ref, query: "total", topK: 20, pathPrefix: "src/http/" });
    expect(new Set(hits.map(({ path }) => path))).toEqual(new Set(["src/http/server.ts"]));
  });

  test("words that occur nowhere find nothing", async () => {
    expect(await search("quaternion eigenvalue")).toEqual([]);
    expect(await search("")).toEqual([]);
  });

  test("symbols are found by name, parent and in another spelling", async () => {
    const find = (name: string) => index.findSymbols({ ...shop.ref, name, limit: 5 });
    const total = { name: "cartTotal", kind: "function", path: "src/cart/cart-total.ts", line: 4 };
    expect(await find("cartTotal")).toMatchObject([total]);
    expect(await find("cart_total")).toMatchObject([total]);
    expect(await find("RetryPolicy.delayMs")).toMatchObject([{ name: "delayMs", kind: "method", line: 4 }]);
    expect(await find("Other.delayMs")).toEqual([]);
    expect(await find("nothingLikeThis")).toEqual([]);
  });

  test("an outline lists definitions in order", async () => {
    const outline = await index.outline({ ...shop.ref, path: "src/http/retry-request.ts" });
    expect(outline.map(({ name, kind, line }) => `${line} ${kind} ${name}`)).toEqual([
      "1 constant maxAttempts",
      "3 class RetryPolicy",
      "4 method delayMs",
      "10 function retryRequest",
    ]);
    expect(outline[3]?.signature).toContain("async function retryRequest(send: () => Promise<Response>");
  });

  test("the profile is read from the manifests", async () => {
    expect(await index.profile(shop.ref)).toEqual({
      languages: [
        { name: "TypeScript", files: 5 },
        { name: "Markdown", files: 3 },
        { name: "JSON", files: 1 },
        { name: "YAML", files: 1 },
      ],
      packageManagers: ["pnpm"],
      testCommands: [{ argv: ["pnpm", "test"], source: "package.json scripts.test" }],
      buildCommands: [{ argv: ["pnpm", "run", "build"], source: "package.json scripts.build" }],
      guidanceFiles: ["AGENTS.md"],
      fileCount: 10,
      topLevel: ["AGENTS.md", "README.md", "docs/", "package.json", "pnpm-lock.yaml", "src/"],
    });
  });

  test("paths are listed and files are read, cut at a character", async () => {
    expect(await index.listPaths({ ...shop.ref, pathPrefix: "src/cart/", limit: 2 })).toEqual([
      "src/cart/cart-total.test.ts",
      "src/cart/cart-total.ts",
    ]);
    const read = (path: string, maxBytes: number) => index.readFile({ ...shop.ref, path, maxBytes });
    expect(await read("AGENTS.md", 7)).toEqual({ text: "# Rules", truncated: true });
    expect(await read("AGENTS.md", 1_000)).toEqual({ text: shopFiles["AGENTS.md"], truncated: false });
    await expect(read("missing.ts", 10)).rejects.toMatchObject({ code: "not_found" });
  });

  test("bad requests are named", async () => {
    await expect(index.search({ ...shop.ref, query: "x", topK: 0 })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(index.profile({ ...shop.ref, commit: "main" })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(index.profile({ ...shop.ref, commit: "0".repeat(40) })).rejects.toMatchObject({ code: "tool_failed" });
    await expect(index.profile({ ...shop.ref, root: "relative" })).rejects.toMatchObject({ code: "invalid_input" });
  });

  test("a cancelled caller leaves, others are served", async () => {
    const controller = new AbortController();
    const left = index.search({ ...shop.ref, query: "coupon", topK: 3 }, { signal: controller.signal });
    const stayed = search("coupon");
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: "cancelled" });
    expect((await stayed).length).toBeGreaterThan(0);
  });
});

describe("awkward trees", () => {
  test("names with blanks, line ends, quotes and other scripts are ordinary paths", async () => {
    const names = ["a b/c d.ts", "new\nline.ts", 'quo"te.ts', "täglich/größe.ts", "-dash.ts", "[id]/*.ts"];
    const files = names.map((path, n) => ({ path, content: `export function peculiar${n}() {}\n` }));
    const { ref } = make({ message: "Names", files });
    const paths = await index.listPaths({ ...ref, pathPrefix: "", limit: 100 });
    expect(paths).toEqual([...names].sort());
    for (const [n, path] of names.entries()) {
      expect(await index.findSymbols({ ...ref, name: `peculiar${n}`, limit: 3 })).toMatchObject([{ path }]);
    }
  });

  test("what cannot be indexed is left out with its reason", async () => {
    const files = [
      { path: "ok.ts", content: "export const needle = 1;\n" },
      { path: Buffer.from([0x62, 0xff, 0xfe, 0x2e, 0x74, 0x73]), content: "needle\n" },
      { path: "blob.txt", content: Buffer.from("needle\0needle") },
      { path: "picture.png", content: "needle" },
      { path: "big.sql", content: "insert needle;\n".repeat(100_000) },
      { path: "bundle.js", content: `var needle=1;${"a(1);".repeat(2_000)}` },
      { path: "api.ts", content: "// Code generated by a tool. DO NOT EDIT.\nexport const needle = 2;\n" },
      { path: ".env", content: "NEEDLE=secret\n" },
      { path: "key.pem", content: "needle\n" },
      { path: "link.ts", content: "ok.ts", mode: "120000" as const },
      { path: "module", content: "1".repeat(40), mode: "160000" as const },
      { path: "package-lock.json", content: '{"needle":1}' },
      { path: "empty.ts", content: "" },
    ];
    const { ref } = make({ message: "Files", files });
    const hits = await index.search({ ...ref, query: "needle", topK: 50 });
    expect(hits.map(({ path }) => path)).toEqual(["ok.ts"]);
    const status = await index.status({ ...ref, limit: 100 });
    const reasons = Object.fromEntries(status.skipped.map(({ path, reason }) => [path, reason]));
    expect(reasons).toEqual({
      '"bÿþ.ts"': "name_not_utf8",
      "blob.txt": "binary",
      "picture.png": "binary",
      "big.sql": "too_large",
      "bundle.js": "minified",
      "api.ts": "generated",
      ".env": "secret_name",
      "key.pem": "secret_name",
      "link.ts": "symlink",
      module: "submodule",
      "package-lock.json": "lock_file",
    });
    expect(status).toMatchObject({ entries: 13, indexed: 2 });
    const listed = await index.listPaths({ ...ref, pathPrefix: "", limit: 100 });
    expect(listed).not.toContain("link.ts");
    expect(listed).not.toContain("module");
    await expect(index.readFile({ ...ref, path: "link.ts", maxBytes: 10 })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await index.outline({ ...ref, path: "bundle.js" })).toEqual([]);
  });

  test("only the commit counts: other commits and the working tree are not read", async () => {
    const { ref, commits } = make(
      { message: "One", files: { "a.py": "def first():\n    pass\n" } },
      { message: "Two", files: { "a.py": "def second():\n    pass\n", "b.py": "def third():\n    pass\n" } },
    );
    writeFileSync(join(ref.root, "a.py"), "def dirty():\n    pass\n");
    const old = { ...ref, commit: commits[0] ?? "" };
    expect(await index.search({ ...old, query: "second third dirty", topK: 5 })).toEqual([]);
    expect((await index.search({ ...ref, query: "second", topK: 5 })).map(({ path }) => path)).toEqual(["a.py"]);
    expect((await index.profile(old)).fileCount).toBe(1);
  });

  test("nothing of the repository's configuration is executed", async () => {
    const { ref } = make({
      message: "Start",
      files: { ".gitattributes": "*.ts diff=evil filter=evil\n", "a.ts": "const x1 = 1;\n" },
    });
    const mark = join(ref.root, "executed");
    const run = `touch ${mark}`;
    writeFileSync(
      join(ref.root, ".git/config"),
      `[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = "${run}"\n\tsshCommand = "${run}"\n` +
        `[diff "evil"]\n\ttextconv = "${run}"\n\tcommand = "${run}"\n[filter "evil"]\n\tsmudge = "${run}"\n\tprocess = "${run}"\n` +
        `[diff]\n\texternal = "${run}"\n[log]\n\tshowSignature = true\n[gpg]\n\tprogram = "${run}"\n`,
    );
    await index.search({ ...ref, query: "x1", topK: 5 });
    expect((await index.readFile({ ...ref, path: "a.ts", maxBytes: 100 })).text).toBe("const x1 = 1;\n");
    expect(readdirSync(ref.root)).not.toContain("executed");
  });

  test("an empty commit has no hits", async () => {
    const { ref } = make({ message: "Empty", files: {} });
    expect(await index.search({ ...ref, query: "anything", topK: 5 })).toEqual([]);
    expect(await index.profile(ref)).toMatchObject({ fileCount: 0, languages: [], topLevel: [] });
  });
});

describe("history and cache", () => {
  test("a past commit's subject speaks for the files it changed", async () => {
    const { ref } = make(
      {
        message: "Start",
        files: {
          "lib/alpha.go": "package lib\n\nfunc Alpha() int { return 1 }\n",
          "lib/beta.go": "package lib\n\nfunc Beta() int { return 2 }\n",
        },
      },
      {
        message: "Correct the kerning of ligatures",
        files: { "lib/beta.go": "package lib\n\nfunc Beta() int { return 3 }\n" },
      },
      { message: "Say lib more often", files: { "readme.txt": "ligatures and kerning lib\n" } },
    );
    const hits = await index.search({ ...ref, query: "kerning lib", topK: 5 });
    const beta = hits.find(({ path }) => path === "lib/beta.go");
    const alpha = hits.find(({ path }) => path === "lib/alpha.go");
    expect(beta?.signals).toContain("history: changed for a similar reason");
    expect(beta?.score).toBeGreaterThan(alpha?.score ?? Number.POSITIVE_INFINITY);
  });

  test("parse results survive in the cache, and a broken cache is begun anew", async () => {
    const own = mkdtempSync(join(tmpdir(), "ossaat-index-cache-"));
    const { ref } = make({ message: "Start", files: { "a.rs": "pub fn first_thing() {}\n" } });
    const ask = async () => {
      const indexer = createIndexer({ cacheDir: own });
      try {
        return await indexer.findSymbols({ ...ref, name: "first_thing", limit: 5 });
      } finally {
        await indexer.close();
      }
    };
    const first = await ask();
    expect(first).toMatchObject([{ name: "first_thing", path: "a.rs", line: 1 }]);
    const [tenant = ""] = readdirSync(own);
    const file = join(own, tenant, "symbols.db");
    expect(await ask()).toEqual(first);
    writeFileSync(file, "this is no database, and it is long enough to be taken for a damaged one".repeat(100));
    expect(await ask()).toEqual(first);
    rmSync(own, { recursive: true, force: true });
  });

  test("a closed indexer says so", async () => {
    const closed = createIndexer({ cacheDir });
    await closed.close();
    await expect(closed.profile({ tenantId: "t", root: "/", commit: "0".repeat(40) })).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});
