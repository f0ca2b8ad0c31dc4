// Opens a way out for one run of a box: the proxy, the environment that leads programs to it, and,
// where tunnels are looked into, the certificates the box has to trust. Nothing is made for a run
// whose list is empty.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";

import { AgentError } from "@ossaat/contracts";
import type { BoundSecret, EgressRecord, EgressUse, SecretSource } from "@ossaat/contracts";
import { readEgressRules } from "@ossaat/policy";

import type { EgressGate } from "../sandbox/sandbox.ts";
import type { ReadOnlyBind } from "../sandbox/toolchains.ts";
import type { StepBytes } from "./egress-ledger.ts";
import { EgressProxy } from "./egress-proxy.ts";
import { egressLimits } from "./limits.ts";
import type { ResolverOptions } from "./resolve-host.ts";
import { createRunAuthority } from "./run-authority.ts";
import type { RunAuthority } from "./run-authority.ts";

/** How the way out is composed. */
export type EgressOptions = {
  /** Where named secrets come from; without it a step that names one cannot run commands. */
  secrets?: SecretSource;
  /** For tests: no setting leads here. */
  resolver?: ResolverOptions;
  /** For tests: further certificates that hosts are checked against. */
  upstreamCa?: readonly string[];
};

export type EgressWish = {
  planId: string;
  stepId: string;
  /** Entries of the allow-list, see `parseEgressEntry`. */
  entries: readonly string[];
  secretNames: readonly string[];
  /** Bytes that earlier calls of the step moved, as its log has them; this runner may know of none. */
  used: EgressUse;
};

export type EgressRun = {
  gate: EgressGate;
  env: Readonly<Record<string, string>>;
  /** Closes the way out and tells what was asked for. */
  finish(): Promise<EgressRecord[]>;
};

export type Egress = {
  /** Undefined when the list is empty. @throws AgentError not_found for a secret that is not there */
  open(wish: EgressWish): Promise<EgressRun | undefined>;
};

/** Port on the box's own loopback; nothing else listens there when the box starts. */
const gatePort = 3128;
const boxTrust = "/opt/ossaat/egress";
/** Where distributions keep the certificates a box trusts without us. */
const machineBundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/** Variables by which programs find a proxy; what the box itself offers is reached directly. */
function proxyEnvironment(token: string): Record<string, string> {
  const url = `http://run:${token}@127.0.0.1:${gatePort}`;
  const direct = "localhost,127.0.0.1,::1";
  return {
    http_proxy: url,
    https_proxy: url,
    HTTP_PROXY: url,
    HTTPS_PROXY: url,
    no_proxy: direct,
    NO_PROXY: direct,
    NODE_USE_ENV_PROXY: "1",
    npm_config_offline: "false",
    CARGO_NET_OFFLINE: "false",
    GOPROXY: "",
  };
}

function trustEnvironment(): Record<string, string> {
  const bundle = `${boxTrust}/bundle.pem`;
  const names = "SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO CARGO_HTTP_CAINFO".split(" ");
  return { ...Object.fromEntries(names.map((name) => [name, bundle])), NODE_EXTRA_CA_CERTS: `${boxTrust}/run.pem` };
}

async function machineBundle(): Promise<string> {
  for (const path of machineBundles) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (text !== "") return text;
  }
  return rootCertificates.join("\n");
}

async function findSecrets(names: readonly string[], source: SecretSource | undefined): Promise<BoundSecret[]> {
  const found: BoundSecret[] = [];
  for (const name of names) {
    const secret = await source?.find(name);
    if (secret === undefined) {
      throw new AgentError("not_found", `The secret ${name}, which the step names, is not there.`, {
        details: {
          next: "add it to the secrets file, see SECURITY.md (of a tool runner of its own: OSSAAT_RUNNER_SECRETS_FILE), or take its name out of the step",
        },
      });
    }
    found.push(secret);
  }
  return found;
}

type Trust = { binds: ReadOnlyBind[]; env: Record<string, string>; remove(): Promise<void> };

async function writeTrust(authority: RunAuthority, dir: string): Promise<Trust> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const { certificate } = authority;
  const files = { "run.pem": certificate, "bundle.pem": `${await machineBundle()}\n${certificate}` };
  const binds: ReadOnlyBind[] = [];
  for (const [name, text] of Object.entries(files)) {
    const source = join(dir, name);
    await writeFile(source, text, { mode: 0o644 });
    binds.push({ source, target: `${boxTrust}/${name}` });
  }
  return { binds, env: trustEnvironment(), remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Remembers what steps have moved, the ones of late. */
function createStepBytes(): (key: string) => StepBytes {
  const steps = new Map<string, StepBytes>();
  return (key) => {
    const bytes = steps.get(key) ?? { up: 0, down: 0 };
    steps.delete(key);
    steps.set(key, bytes);
    for (const oldest of steps.keys()) if (steps.size > egressLimits.maxSteps) steps.delete(oldest);
    return bytes;
  };
}

/** A log lacks the calls that were broken off; a runner that was started again lacks all before. */
function atLeast(bytes: StepBytes, { up, down }: EgressUse): StepBytes {
  return Object.assign(bytes, { up: Math.max(bytes.up, up), down: Math.max(bytes.down, down) });
}

/** Makes the service; `dir` is the runner's own scratch folder. */
export function createEgress(options: EgressOptions, dir: string): Egress {
  const bytesOf = createStepBytes();
  return {
    async open({ planId, stepId, entries, secretNames, used }) {
      const rules = readEgressRules(entries);
      if (rules.length === 0) return undefined;
      const secrets = await findSecrets(secretNames, options.secrets);
      const mayInspect =
        secrets.length > 0 || rules.some((rule) => rule.scheme !== undefined || rule.methods.length > 0);
      const authority = mayInspect ? await createRunAuthority(Date.now()) : undefined;
      const proxy = new EgressProxy({
        rules,
        secrets,
        bytes: atLeast(bytesOf(`${planId}:${stepId}`), used),
        limits: egressLimits,
        resolver: options.resolver ?? {},
        authority,
        upstreamCa: options.upstreamCa,
      });
      const trust =
        authority === undefined ? undefined : await writeTrust(authority, join(dir, `egress-${crypto.randomUUID()}`));
      return {
        gate: { port: gatePort, serve: (listener) => proxy.serve(listener), binds: trust?.binds ?? [] },
        env: { ...proxyEnvironment(proxy.token), ...trust?.env },
        async finish() {
          proxy.close();
          await trust?.remove();
          return proxy.records();
        },
      };
    },
  };
}
