// A real PostgreSQL for tests: its own data folder and port on loopback, stopped by its pid.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Client } from "pg";

import { freePort } from "./free-port.ts";
import { findPostgres, postgresUser } from "./postgres-programs.ts";

const serverLimits = {
  /** Time a server may take until it answers, ms: a busy machine recovers slowly after a kill. */
  readyMs: 60_000,
  /** Pause between two looks at a server that starts, ms. */
  lookMs: 25,
  /** Time an orderly stop may take before the server is killed, ms. */
  stopMs: 20_000,
} as const;

export type PostgresOptions = {
  /**
   * `disk`: a commit waits for the disk, as in use. `memory`: it waits for the system alone, so that it
   * outlives a kill of the server, but not of the machine.
   */
  commits: "disk" | "memory";
  /** Settings of the server beyond the tests' own. */
  settings?: Readonly<Record<string, string>>;
};

export type PostgresServer = {
  /** Address of a database, with the name and password of the server's owner. */
  url(database: string): string;
  /** Makes an empty database and gives back its address. */
  createDatabase(): Promise<string>;
  /** Ends the server and all its sessions as a power failure would, but for the disk. */
  kill(): Promise<void>;
  /** Starts again, on the same data and port. */
  start(): Promise<void>;
  /** Stops the server and removes its data. */
  remove(): Promise<void>;
};

const owner = "ossaat_owner";

function initialize(bin: string, folder: string, password: string): void {
  const user = postgresUser();
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user.uid !== undefined && user.gid !== undefined) {
    chownSync(folder, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  const words = ["-D", path.join(folder, "data"), "-U", owner, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  const options = ["--encoding=UTF8", "--locale=C", "--no-sync"];
  execFileSync(path.join(bin, "initdb"), [...words, ...options], { ...user, cwd: folder, stdio: "pipe" });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

function killHard(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It may have ended with its parent.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: serverLimits.readyMs });
  await client.connect();
  return client;
}

async function untilReady(url: string, server: ChildProcess, said: () => string): Promise<void> {
  const until = performance.now() + serverLimits.readyMs;
  for (;;) {
    if (server.exitCode !== null || server.signalCode !== null) throw new Error(`PostgreSQL did not start:\n${said()}`);
    try {
      return await (await connect(url)).end();
    } catch (error) {
      if (performance.now() > until) throw new Error(`PostgreSQL does not answer:\n${said()}`, { cause: error });
    }
    await sleep(serverLimits.lookMs);
  }
}

class RunningPostgres implements PostgresServer {
  readonly #bin = findPostgres();
  readonly #folder = mkdtempSync(path.join(tmpdir(), "ossaat-pg-"));
  readonly #password = randomBytes(12).toString("hex");
  readonly #port: number;
  readonly #settings: readonly string[];
  #server: ChildProcess | undefined;
  #databases = 0;

  constructor(port: number, { commits, settings = {} }: PostgresOptions) {
    const inMemory = { fsync: "off", full_page_writes: "off" };
    const all = { max_connections: "200", ...(commits === "memory" ? inMemory : {}), ...settings };
    this.#port = port;
    this.#settings = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    initialize(this.#bin, this.#folder, this.#password);
  }

  readonly #endWithUs = (): void => {
    // Quick and without a word to clients: this process is over.
    this.#server?.kill("SIGQUIT");
  };

  url(database: string): string {
    return `postgres://${owner}:${this.#password}@127.0.0.1:${this.#port}/${database}`;
  }

  async createDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `t${process.pid}_${this.#databases}_${randomBytes(4).toString("hex")}`;
    await createDatabase(this.url("postgres"), name);
    return this.url(name);
  }

  async start(): Promise<void> {
    const listen = ["-c", "listen_addresses=127.0.0.1", "-c", `port=${this.#port}`, "-c", "unix_socket_directories="];
    const words = ["-D", path.join(this.#folder, "data"), ...listen, ...this.#settings];
    const said: string[] = [];
    const server = spawn(path.join(this.#bin, "postgres"), words, {
      ...postgresUser(),
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    server.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString()) > 200 && said.shift());
    this.#server = server;
    process.once("exit", this.#endWithUs);
    await untilReady(this.url("postgres"), server, () => said.join(""));
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (server?.pid === undefined || hasEnded(server)) return;
    const sessions = childrenOf(server.pid);
    const ended = once(server, "exit");
    killHard(server.pid);
    // NOTE: a session that is busy outlives its postmaster and keeps the next one from starting.
    for (const pid of sessions) killHard(pid);
    await ended;
    this.#server = undefined;
  }

  async remove(): Promise<void> {
    const server = this.#server;
    process.off("exit", this.#endWithUs);
    // Ctrl+C at a terminal has reached it already.
    if (server !== undefined && !hasEnded(server)) {
      const ended = once(server, "exit");
      server.kill("SIGINT");
      const late = setTimeout(() => void this.kill(), serverLimits.stopMs);
      await ended;
      clearTimeout(late);
    }
    this.#server = undefined;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Makes an empty database on the server whose address of another database is `url`. */
export async function createDatabase(url: string, name: string): Promise<string> {
  const client = await connect(url);
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}

/** Sets up and starts a server. @throws Error when PostgreSQL is not installed or does not start */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const server = new RunningPostgres(await freePort(), options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}
