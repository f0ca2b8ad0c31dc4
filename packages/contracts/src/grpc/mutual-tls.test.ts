// Both ends of mutual TLS with real certificates: who gets in, who does not, and what they hear.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { AgentError } from "../agent-error.ts";
import { HealthCheckResponse_ServingStatus, HealthDefinition } from "../gen/grpc/health/v1/health.ts";
import { IndexerServiceDefinition } from "../gen/indexer/v1/indexer.ts";
import { makeAuthority } from "../testing/make-authority.ts";
import type { IssueOptions, TestAuthority } from "../testing/make-authority.ts";
import { checkAddress } from "./address.ts";
import { CertificateSource } from "./certificate-source.ts";
import { connectGrpc } from "./connect.ts";
import type { ConnectOptions } from "./connect.ts";
import { checkPeerName, peerNames } from "./peer-names.ts";
import { serveGrpc } from "./serve.ts";
import type { GrpcServer } from "./serve.ts";
import { readCertificateSettings, readServerTlsSettings } from "./tls-settings.ts";

const root = mkdtempSync(join(tmpdir(), "ossaat-tls-"));
const logged: string[] = [];
const log = {
  info: (_fields: object, message: string) => void logged.push(message),
  warn: (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`),
};
const serverName = "runner.test";
const callers = ["spiffe://ossaat.test/orchestrator", "orchestrator.test"];
let ours: TestAuthority;
let theirs: TestAuthority;
const open: (() => unknown)[] = [];
let count = 0;

beforeAll(async () => {
  ours = await makeAuthority("ours");
  theirs = await makeAuthority("theirs");
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
  logged.splice(0);
});
afterAll(() => rmSync(root, { recursive: true }));

type Material = IssueOptions & { by?: TestAuthority; trusts?: TestAuthority };

async function writeFiles(dir: string, { by = ours, trusts = ours, ...options }: Material) {
  const { cert, key } = await by.issue(options);
  const files = { certFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem"), caFile: join(dir, "ca.pem") };
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key, { mode: 0o600 });
  writeFileSync(files.caFile, trusts.ca);
  return files;
}

function newDir(): string {
  count += 1;
  return mkdtempSync(join(root, `${count}-`));
}

/** `now` far in the past lets a process start whose certificate has expired meanwhile. */
async function source(material: Material, now?: number) {
  const dir = newDir();
  const files = await writeFiles(dir, material);
  const certificates = new CertificateSource({
    files,
    log,
    pollMs: 3_600_000,
    ...(now === undefined ? {} : { now: () => now }),
  });
  open.push(() => certificates.close());
  return { certificates, dir, files };
}

const answer = () => Promise.reject(new AgentError("not_found", "reached"));
const reached = Object.fromEntries(Object.keys(IndexerServiceDefinition.methods).map((name) => [name, answer]));

async function serve(material: Partial<Material> = {}, options: { token?: string; now?: number } = {}) {
  const { certificates, dir } = await source({ names: [serverName], ...material }, options.now);
  const server: GrpcServer = await serveGrpc({
    address: "127.0.0.1:0",
    tls: { certificates, callers },
    token: options.token,
    register: (grpc) => grpc.add(IndexerServiceDefinition, reached as never),
    services: [],
    isServing: () => Promise.resolve(true),
    report: () => undefined,
  });
  open.push(() => server.close(0));
  return { address: server.address, certificates, dir };
}

async function call(address: string, options: ConnectOptions): Promise<string> {
  const connection = connectGrpc(address, options);
  try {
    await connection.client(IndexerServiceDefinition).profile({ repository: undefined });
    return "answered";
  } catch (thrown) {
    const { code, message } = AgentError.from(thrown);
    return `${code}: ${message}`;
  } finally {
    connection.close();
  }
}

async function callAs(
  address: string,
  material: Partial<Material>,
  rest: Partial<{ name: string; token: string; now: number }> = {},
) {
  const { certificates } = await source({ names: ["orchestrator.test"], ...material }, rest.now);
  return call(address, { tls: { certificates, serverName: rest.name ?? serverName }, token: rest.token });
}

const yesterday = { validDays: [-2, -1] as const };
const then = Date.now() - 36 * 3_600_000;

const turnedAway = (address: string) =>
  `unavailable: The service at ${address} closed the connection at once: it may not accept the certificate of this process, or speak another protocol.`;

describe("a server with mutual TLS", () => {
  it("lets in whoever shows a listed name of its authority", async () => {
    const { address } = await serve();
    expect(await callAs(address, {})).toBe("not_found: reached");
    expect(await callAs(address, { names: ["other.test", "spiffe://ossaat.test/orchestrator"] })).toBe(
      "not_found: reached",
    );
  });

  it("refuses names it does not know, but tells every peer of its authority whether it serves", async () => {
    const { address } = await serve();
    const refused = "forbidden: The certificate of the caller carries no name that this server lets in.";
    expect(await callAs(address, { names: ["worker.test"] })).toBe(refused);
    expect(
      await callAs(address, { names: ["x.orchestrator.test", "*.test", "spiffe://ossaat.test/orchestrator/x"] }),
    ).toBe(refused);
    const { certificates } = await source({ names: ["probe.test"] });
    const connection = connectGrpc(address, { tls: { certificates, serverName } });
    open.push(() => connection.close());
    expect(await connection.client(HealthDefinition).check({ service: "" })).toEqual({
      status: HealthCheckResponse_ServingStatus.SERVING,
    });
  });

  it("refuses another authority, an expired certificate and none at all", async () => {
    const { address } = await serve();
    expect(await callAs(address, { by: theirs })).toBe(turnedAway(address));
    expect(await callAs(address, yesterday, { now: then })).toBe(turnedAway(address));
    expect(await call(address, { token: "t".repeat(32) })).toBe(turnedAway(address));
    const [host, port] = address.split(":");
    const bare = await new Promise<string>((resolve) => {
      const socket = connectTls({
        host: host!,
        port: Number(port),
        ca: ours.ca,
        servername: serverName,
        ALPNProtocols: ["h2"],
      });
      socket.on("data", () => resolve("answered"));
      socket.on("error", (error) => resolve(error.message));
      socket.on("close", () => resolve("closed"));
    });
    expect(bare).toMatch(/certificate required|closed|ECONNRESET/u);
  });

  it("asks for its token besides, when it has one", async () => {
    const token = "0123456789abcdef".repeat(2);
    const { address } = await serve({}, { token });
    expect(await callAs(address, {}, { token })).toBe("not_found: reached");
    expect(await callAs(address, {})).toBe("unauthenticated: The call brings no token that this server knows.");
  });
});

describe("a client with mutual TLS", () => {
  it("refuses a server of another name, of another authority, or with an expired certificate", async () => {
    const { address } = await serve();
    expect(await callAs(address, {}, { name: "indexer.test" })).toBe(
      `unavailable: The service at ${address} shows a certificate of another name than the one expected.`,
    );
    expect(await callAs(address, {}, { name: "spiffe://ossaat.test/runner" })).toBe(
      `unavailable: The service at ${address} shows a certificate of another name than the one expected.`,
    );
    expect(await callAs(address, { trusts: theirs })).toBe(
      `unavailable: The service at ${address} shows a certificate of an authority that this process does not trust.`,
    );
    const old = await serve(yesterday, { now: then });
    expect(await callAs(old.address, {})).toBe(
      `unavailable: The service at ${old.address} shows a certificate that has expired.`,
    );
  });

  it("knows a server by its SPIFFE name", async () => {
    const name = "spiffe://ossaat.test/runner";
    const { address } = await serve({ names: [name] });
    expect(await callAs(address, {}, { name })).toBe("not_found: reached");
  });
});

describe("files of certificates", () => {
  it("are read again: new ones are shown, and new authorities trusted, without a restart", async () => {
    const { address, certificates, dir } = await serve();
    expect(await callAs(address, { by: theirs, trusts: theirs })).toContain("does not trust");
    await writeFiles(dir, { names: [serverName], by: theirs, trusts: theirs });
    certificates.reload();
    expect(await callAs(address, { by: theirs, trusts: theirs })).toBe("not_found: reached");
    expect(await callAs(address, {})).toContain("does not trust");
    expect(logged).toEqual(["The certificates were read again."]);
  });

  it("are looked at by themselves", async () => {
    const dir = newDir();
    const files = await writeFiles(dir, { names: [serverName] });
    const read = Promise.withResolvers<string>();
    const watched = { info: (_: object, message: string) => read.resolve(message), warn: log.warn };
    const certificates = new CertificateSource({ files, log: watched, pollMs: 5 });
    open.push(() => certificates.close());
    await writeFiles(dir, { names: ["another.test", serverName] });
    expect(await read.promise).toBe("The certificates were read again.");
  });

  it("that are bad leave the old ones in use", async () => {
    const { address, certificates, dir } = await serve();
    writeFileSync(join(dir, "cert.pem"), "half a file");
    certificates.reload();
    expect(await callAs(address, {})).toBe("not_found: reached");
    expect(logged).toEqual([
      `The new certificates are not used; the old ones stay. ${JSON.stringify({
        reason: `${join(dir, "cert.pem")} holds no certificate.`,
        next: "Give certificates in the PEM format.",
      })}`,
    ]);
  });

  it("are refused by name: missing, open to others, of another key, expired, not yet valid", async () => {
    const dir = newDir();
    const files = await writeFiles(dir, { names: [serverName] });
    const refusal = (over: Partial<typeof files> = {}) => {
      try {
        new CertificateSource({ files: { ...files, ...over }, log }).close();
        return "accepted";
      } catch (thrown) {
        return AgentError.from(thrown)
          .message.replaceAll(`${root}/`, "")
          .replaceAll(/^(.*)\d-[^/]+\//gmu, "$1");
      }
    };
    expect(refusal()).toBe("accepted");
    expect(refusal({ keyFile: join(dir, "none.pem") })).toMatch(/^The key .*none\.pem cannot be read\.$/u);
    chmodSync(files.keyFile, 0o640);
    expect(refusal()).toMatch(/^The key .*key\.pem can be read by other users\.$/u);
    chmodSync(files.keyFile, 0o600);
    const other = await writeFiles(newDir(), { names: [serverName] });
    expect(refusal({ keyFile: other.keyFile })).toMatch(/^The key .*key\.pem does not belong to .*cert\.pem\.$/u);
    expect(refusal({ keyFile: files.certFile })).toMatch(/can be read by other users|holds no key that can be used/u);
    expect(refusal({ caFile: files.keyFile })).toMatch(/key\.pem holds no certificate\.$/u);
    const old = await writeFiles(newDir(), { names: [serverName], ...yesterday });
    expect(refusal(old)).toMatch(/^The certificate in .*cert\.pem expired at .* GMT\.$/u);
    const early = await writeFiles(newDir(), { names: [serverName], validDays: [1, 2] });
    expect(refusal(early)).toMatch(/^The certificate in .*cert\.pem is valid from .* GMT on\.$/u);
  });
});

it("lets a service listen off the machine only with certificates", async () => {
  const off = ["0.0.0.0:7070", "[::]:7070", "runner.example:7070", "dns:///runner:7070"];
  expect(off.map((address) => checkAddress(address, true))).toEqual(off);
  for (const address of off) expect(() => checkAddress(address)).toThrow("a port of the loopback interface");
  for (const address of ["runner.example", "http://x:1", "runner:70000", "unix:relative", "-x:1"]) {
    expect(() => checkAddress(address, true)).toThrow("unix:/path or host:port");
  }
  const { certificates } = await source({ names: [serverName] });
  const unnamed = {
    register: () => undefined,
    services: [],
    isServing: () => Promise.resolve(true),
    report: () => undefined,
  };
  await expect(async () =>
    serveGrpc({ ...unnamed, address: "127.0.0.1:0", tls: { certificates, callers: [] } }),
  ).rejects.toMatchObject({
    code: "invalid_input",
  });
});

it("is set by four settings, together or not at all", () => {
  const set = { X_TLS_CERT: "/c", X_TLS_KEY: "/k", X_TLS_CA: "/a", X_TLS_CALLERS: "a.test, spiffe://d/p," };
  const files = { certFile: "/c", keyFile: "/k", caFile: "/a" };
  expect(readServerTlsSettings(set, "X")).toEqual({ files, callers: ["a.test", "spiffe://d/p"] });
  expect(readCertificateSettings(set, "X")).toEqual(files);
  expect([readServerTlsSettings({}, "X"), readCertificateSettings(set, "Y")]).toEqual([undefined, undefined]);
  for (const name of Object.keys(set)) {
    expect(() => readServerTlsSettings({ ...set, [name]: "" }, "X")).toThrow(`missing: ${name}.`);
  }
  expect(() => readServerTlsSettings({ X_TLS_CALLERS: "a.test" }, "X")).toThrow("missing: X_TLS_CERT.");
});

it("takes a name whole, or not at all", () => {
  expect(peerNames({ subjectaltname: "DNS:a.test, URI:spiffe://d/p, IP Address:127.0.0.1" })).toEqual([
    "a.test",
    "spiffe://d/p",
  ]);
  expect(peerNames({ subjectaltname: 'DNS:"a.test, DNS:b.test"' })).toEqual([]);
  expect(peerNames(undefined)).toEqual([]);
  expect(checkPeerName("spiffe://d.test/ns/x")).toBe("spiffe://d.test/ns/x");
  for (const name of ["", "*.test", "A.test", "https://x/y", "spiffe://d", "127.0.0.1:80"]) {
    expect(() => checkPeerName(name)).toThrow("is no name a certificate can be asked for");
  }
});
