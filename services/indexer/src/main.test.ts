// The indexer as a process: what it says when it starts, whom it lets in, how it ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { AgentError } from "@ossaat/contracts";
import { CertificateSource } from "@ossaat/contracts/grpc";
import { makeAuthority } from "@ossaat/contracts/testing";
import { afterAll, expect, it } from "vitest";

import { readConfig } from "./config.ts";
import { connectIndexer } from "./grpc-client.ts";
import { makeRepository } from "./testing/make-repository.ts";
import { makeTempCache } from "./testing/make-temp-cache.ts";

const dir = makeTempCache();
afterAll(() => dir.remove());
const log = { info: () => undefined, warn: () => undefined };

function start(env: Record<string, string>) {
  return spawn(process.execPath, [fileURLToPath(new URL("main.ts", import.meta.url))], {
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: dir.path, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function writeCertificates(name: string, authority: Awaited<ReturnType<typeof makeAuthority>>) {
  const { cert, key } = await authority.issue({ names: [`${name}.test`] });
  const at = (file: string) => join(dir.path, `${name}-${file}`);
  writeFileSync(at("cert"), cert);
  writeFileSync(at("key"), key, { mode: 0o600 });
  writeFileSync(at("ca"), authority.ca);
  return { certFile: at("cert"), keyFile: at("key"), caFile: at("ca") };
}

it("serves with certificates until it is told to stop, and ends with the calls it has", async () => {
  const authority = await makeAuthority("of an indexer");
  const own = await writeCertificates("indexer", authority);
  const repository = makeRepository({ message: "one", files: { "a.ts": "export const one = 1;\n" } });
  const child = start({
    OSSAAT_INDEXER_ADDRESS: "0.0.0.0:0",
    OSSAAT_INDEXER_CACHE_DIR: join(dir.path, "cache"),
    OSSAAT_INDEXER_TLS_CERT: own.certFile,
    OSSAAT_INDEXER_TLS_KEY: own.keyFile,
    OSSAAT_INDEXER_TLS_CA: own.caFile,
    OSSAAT_INDEXER_TLS_CALLERS: "orchestrator.test",
  });
  const [first] = (await once(child.stdout, "data")) as [Buffer];
  const { address, msg } = JSON.parse(first.toString("utf8")) as { address: string; msg: string };
  expect(msg).toBe("the indexer serves");
  const near = address.replace("0.0.0.0", "127.0.0.1");
  const certificates = new CertificateSource({ files: await writeCertificates("orchestrator", authority), log });
  const client = connectIndexer(near, { tls: { certificates, serverName: "indexer.test" } });
  const all = { ...repository.ref, pathPrefix: "", limit: 10 };
  const strangers = new CertificateSource({ files: await writeCertificates("stranger", authority), log });
  const stranger = connectIndexer(near, { tls: { certificates: strangers, serverName: "indexer.test" } });
  const refused = stranger.index.listPaths(all).catch((error: unknown) => AgentError.from(error).code);
  expect(await refused).toBe("forbidden");
  stranger.close();
  // The first call starts the thread; it is under way when the process is told to end.
  const call = client.index.listPaths(all);
  expect(await call).toEqual(["a.ts"]);
  const last = client.index.findSymbols({ ...repository.ref, name: "one", limit: 5 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGTERM");
  expect(await last).toMatchObject([{ name: "one", path: "a.ts" }]);
  client.close();
  expect(await once(child, "exit")).toEqual([0, null]);
  for (const source of [certificates, strangers]) source.close();
  repository.remove();
});

it("says what is wrong with its settings", async () => {
  const child = start({ OSSAAT_INDEXER_ADDRESS: "0.0.0.0:80" });
  const [text] = (await once(child.stderr, "data")) as [Buffer];
  expect(text.toString("utf8")).toMatch(/^ossaat-indexer: The address must be unix:\/path.*\nNext: .*certificates/u);
  expect((await once(child, "exit"))[0]).toBe(1);
});

it("reads its settings, and defaults that keep it local", () => {
  expect(readConfig({ HOME: "/home/x" })).toEqual({
    address: "unix:/home/x/.local/state/ossaat/ossaat-indexer/indexer.sock",
    cacheDir: "/home/x/.cache/ossaat/indexer",
    tracing: { secrets: [], problems: [] },
    logLevel: "info",
  });
  expect(
    readConfig({
      HOME: "/home/x",
      XDG_RUNTIME_DIR: "/run/user/7",
      OSSAAT_INDEXER_TOKEN: "secret",
      OSSAAT_INDEXER_CACHE_DIR: "/c",
      OSSAAT_INDEXER_HEAP_MB: "512",
      OSSAAT_LOG_LEVEL: "warn",
    }),
  ).toEqual({
    address: "unix:/run/user/7/ossaat-indexer/indexer.sock",
    token: "secret",
    cacheDir: "/c",
    maxHeapMb: 512,
    tracing: { secrets: [], problems: [] },
    logLevel: "warn",
  });
  expect(() => readConfig({ OSSAAT_INDEXER_HEAP_MB: "1" })).toThrow("The environment is not valid");
});
