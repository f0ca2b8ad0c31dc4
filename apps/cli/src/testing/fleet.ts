// The processes of a distributed deployment, each on its own, that a test starts, kills and starts again.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { makeAuthority } from "@ossaat/contracts/testing";
import { freePort } from "@ossaat/testkit";

import type { FleetServices, Service } from "./fleet-services.ts";

export type FleetOptions = {
  /** Folder for state, certificates and logs. */
  folder: string;
  services: FleetServices;
  /** Of every process, beyond what it needs. */
  environment?: Record<string, string>;
  storeUrl: string;
  /** Of the orchestrators, beyond the fleet's own. */
  settings?: Record<string, string>;
  requestLog: string;
  apis: number;
  workers: number;
  /** How the tool runner isolates; absent = not at all. */
  sandbox?: "auto" | "none";
};

const fleetLimits = {
  /** Time a process has to serve after its start, ms; a guard against hangs: many start at once on few processors. */
  readyMs: 100_000,
  lookMs: 50,
} as const;

type MemberOptions = {
  service: Service;
  services: FleetServices;
  /** Beyond that of its services. */
  env: Record<string, string>;
  /** For its log. */
  folder: string;
};

/** One process; the same settings whenever it starts. */
class Member {
  readonly name: string;
  readonly #service: Service;
  readonly #env: Record<string, string>;
  readonly #log: string;
  #services: FleetServices;
  /** Length of the log when the process that runs now was started, bytes. */
  #logStart = 0;
  #child: ChildProcess | undefined;

  constructor(name: string, { service, services, env, folder }: MemberOptions) {
    this.name = name;
    this.#service = service;
    this.#services = services;
    this.#env = env;
    this.#log = path.join(folder, `${name}.log`);
  }

  /** From its next start on it is of another version. */
  become(services: FleetServices): void {
    this.#services = services;
  }

  start(): void {
    const log = openSync(this.#log, "a");
    this.#logStart = fstatSync(log).size;
    const env = { ...this.#services.environment, ...this.#env };
    const argv = [...this.#services.entries[this.#service]];
    this.#child = spawn(process.execPath, argv, { env, stdio: ["ignore", log, log] });
    closeSync(log);
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.isAlive ? this.#child?.pid : undefined;
  }

  get isAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Stops it in its tracks without ending it; `thaw` lets it go on. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Sends a signal and waits for the end. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const child = this.#child;
    if (child === undefined || !this.isAlive)
      return { code: child?.exitCode ?? null, signal: child?.signalCode ?? null };
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    child.kill(signal);
    const [code, by] = await exited;
    return { code, signal: by };
  }

  log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** Whether the process that runs now takes what it is there for; what an earlier one said does not count. */
  get serves(): boolean {
    return this.isAlive && readFileSync(this.#log).subarray(this.#logStart).includes(" serves");
  }
}

export type FleetMember = Member;

export type Fleet = {
  gatewayUrl: string;
  token: string;
  /** Origins of the API's replicas, which take internal tokens only. */
  replicas: string[];
  internalKey: Uint8Array;
  members: readonly Member[];
  /** Those of the API and the workers. */
  orchestrators: readonly Member[];
  member(name: string): Member;
  ready(): Promise<void>;
  /** Tells every process to stop, those that are asked last, and waits. */
  stop(): Promise<void>;
  /** Ends every process that is left. */
  close(): Promise<void>;
};

async function writeCertificates(folder: string): Promise<(name: string, prefix: string) => Record<string, string>> {
  const authority = await makeAuthority("of a fleet");
  for (const name of ["runner", "indexer", "orchestrator"]) {
    const { cert, key } = await authority.issue({ names: [`${name}.test`] });
    writeFileSync(path.join(folder, `${name}.cert`), cert);
    writeFileSync(path.join(folder, `${name}.key`), key, { mode: 0o600 });
  }
  writeFileSync(path.join(folder, "ca"), authority.ca);
  return (name, prefix) => ({
    [`${prefix}_TLS_CERT`]: path.join(folder, `${name}.cert`),
    [`${prefix}_TLS_KEY`]: path.join(folder, `${name}.key`),
    [`${prefix}_TLS_CA`]: path.join(folder, "ca"),
  });
}

/** The address as a process takes it: the password stands apart. */
function storeSettings(storeUrl: string): Record<string, string> {
  const address = new URL(storeUrl);
  const password = decodeURIComponent(address.password);
  address.password = "";
  return { OSSAAT_STORE: address.href, OSSAAT_STORE_PASSWORD: password };
}

/** Makes the processes and starts them. The caller closes it. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { folder, storeUrl, requestLog, services } = options;
  mkdirSync(folder, { recursive: true });
  const certificates = await writeCertificates(folder);
  const port = async () => String(await freePort());
  const [runnerPort, indexerPort, gatewayPort] = [await port(), await port(), await port()];
  const apiPorts: string[] = [];
  for (let n = 0; n < options.apis; n += 1) apiPorts.push(await port());
  const key = "5e".repeat(32);
  const token = "t0".repeat(16);
  const common = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    OSSAAT_LOG_LEVEL: "info",
    ...options.environment,
  };
  const callers = "orchestrator.test";
  const members: Member[] = [];
  const add = (name: string, service: Service, env: Record<string, string>) => {
    members.push(new Member(name, { service, services, folder, env: { ...common, ...env } }));
  };
  add("runner", "runner", {
    ...certificates("runner", "OSSAAT_RUNNER"),
    OSSAAT_RUNNER_TLS_CALLERS: callers,
    OSSAAT_RUNNER_ADDRESS: `127.0.0.1:${runnerPort}`,
    OSSAAT_RUNNER_STATE_DIR: path.join(folder, "runner"),
    OSSAAT_RUNNER_SANDBOX: options.sandbox ?? "none",
  });
  add("indexer", "indexer", {
    ...certificates("indexer", "OSSAAT_INDEXER"),
    OSSAAT_INDEXER_TLS_CALLERS: callers,
    OSSAAT_INDEXER_ADDRESS: `127.0.0.1:${indexerPort}`,
    OSSAAT_INDEXER_CACHE_DIR: path.join(folder, "index"),
  });
  const orchestrator = {
    ...certificates("orchestrator", "OSSAAT"),
    ...storeSettings(storeUrl),
    OSSAAT_INTERNAL_KEY: key,
    OSSAAT_RUNNER_ADDRESS: `127.0.0.1:${runnerPort}`,
    OSSAAT_RUNNER_NAME: "runner.test",
    OSSAAT_INDEXER_ADDRESS: `127.0.0.1:${indexerPort}`,
    OSSAAT_INDEXER_NAME: "indexer.test",
    OSSAAT_MODEL_REQUEST_LOG: requestLog,
    OSSAAT_RUN_MODE: "consumer",
    ...options.settings,
  };
  for (const [n, apiPort] of apiPorts.entries()) {
    add(`api-${n}`, "orchestrator", { ...orchestrator, OSSAAT_ROLE: "api", OSSAAT_LISTEN: `127.0.0.1:${apiPort}` });
  }
  for (let n = 0; n < options.workers; n += 1) {
    const worker = { OSSAAT_ROLE: "worker", OSSAAT_WORKER_NAME: `w${n}`, OSSAAT_LISTEN: "127.0.0.1:0" };
    add(`worker-${n}`, "orchestrator", { ...worker, ...orchestrator });
  }
  const replicas = apiPorts.map((apiPort) => `http://127.0.0.1:${apiPort}`);
  add("gateway", "gateway", {
    OSSAAT_GATEWAY_LISTEN: `127.0.0.1:${gatewayPort}`,
    OSSAAT_GATEWAY_REPLICAS: replicas.join(","),
    OSSAAT_API_TOKEN: token,
    // Who decides stands in what policy is asked: the same person as in one process.
    OSSAAT_GATEWAY_USER: userInfo().username,
    OSSAAT_INTERNAL_KEY: key,
  });
  for (const member of members) member.start();
  const member = (name: string): Member => {
    const found = members.find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  return {
    gatewayUrl: `http://127.0.0.1:${gatewayPort}`,
    token,
    replicas,
    internalKey: Buffer.from(key, "hex"),
    members,
    orchestrators: members.filter(({ name }) => /^(?:api|worker)-/u.test(name)),
    member,
    async ready() {
      const until = Date.now() + fleetLimits.readyMs;
      for (const each of members) {
        while (!each.serves) {
          if (Date.now() > until || !each.isAlive) throw new Error(`${each.name} does not serve: ${each.log()}`);
          await sleep(fleetLimits.lookMs);
        }
      }
    },
    async stop() {
      const asked = ["runner", "indexer"];
      for (const isLast of [false, true]) {
        const group = members.filter(({ name }) => asked.includes(name) === isLast);
        await Promise.all(group.map((each) => each.end("SIGTERM")));
      }
    },
    async close() {
      await Promise.all(members.map((each) => each.end("SIGKILL")));
    },
  };
}
