// A real broker of Apache Kafka for tests: its own data folder and ports on loopback, stopped by its pid.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "./free-port.ts";
import { findKafka } from "./kafka-programs.ts";
import { logSettings, renderSettings, secureListenerOf } from "./kafka-settings.ts";
import type { KafkaSettings, SecureListener } from "./kafka-settings.ts";
import { stopInTracks } from "./stop-in-tracks.ts";

const brokerLimits = {
  /** Time a broker may take until it takes connections, ms: a busy machine recovers slowly after a kill. */
  readyMs: 90_000,
  /** Pause between two looks at a broker that starts, ms. */
  lookMs: 25,
  /** Time an orderly stop may take before the broker is killed, ms. */
  stopMs: 20_000,
  /** Memory of its objects. */
  heap: "512m",
} as const;

export type KafkaOptions = {
  /** Settings of the server beyond the tests' own. */
  settings?: KafkaSettings;
  /** A listener with TLS and this login beside the plain one; the certificate must carry `localhost`. */
  secure?: Omit<SecureListener, "port">;
  /** Writes the classes that it loaded to this file when it stops. */
  archiveClassesTo?: string;
};

export type KafkaServer = {
  /** `host:port` for clients. */
  readonly address: string;
  /** The same of the listener with TLS; empty without one. */
  readonly secureAddress: string;
  /** Starts again, on the same data and port. */
  start(): Promise<void>;
  /** Ends the broker in the middle of whatever it does. */
  kill(): Promise<void>;
  /** Stops the broker in an orderly way; its data stay. */
  stop(): Promise<void>;
  /** Keeps it from doing anything, while its connections stay open. */
  freeze(): void;
  /** Ends a freeze. */
  thaw(): void;
  /** Stops the broker and removes its data. */
  remove(): Promise<void>;
};

/** Little compilation and one collector: a broker for tests lives for seconds. */
const jvm = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xms64m", `-Xmx${brokerLimits.heap}`];

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
    return false;
  } finally {
    socket.destroy();
  }
}

type Ports = { port: number; controllerPort: number; securePort: number };

/** Words that make the user known; PLAIN needs none. */
function loginsOf(secure: KafkaOptions["secure"]): string[] {
  if (secure === undefined) return [];
  const login = `[name=${secure.user},password=${secure.password}]`;
  return ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => ["--add-scram", `${mechanism}=${login}`]);
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

class RunningKafka implements KafkaServer {
  readonly #programs = findKafka();
  readonly #folder = mkdtempSync(path.join(tmpdir(), "ossaat-kafka-"));
  readonly #port: number;
  readonly #securePort: number;
  readonly #archive: string | undefined;
  #broker: ChildProcess | undefined;

  constructor({ port, controllerPort, securePort }: Ports, { settings = {}, secure, archiveClassesTo }: KafkaOptions) {
    this.#port = port;
    this.#securePort = secure === undefined ? 0 : securePort;
    this.#archive = archiveClassesTo;
    const dataFolder = path.join(this.#folder, "data");
    mkdirSync(dataFolder);
    writeFileSync(path.join(this.#folder, "log4j2.xml"), logSettings);
    const place = { port, controllerPort, dataFolder };
    const listener = secure === undefined ? {} : secureListenerOf(place, { ...secure, port: securePort });
    writeFileSync(this.#settingsFile, renderSettings(place, { ...listener, ...settings }));
    const clusterId = randomBytes(16).toString("base64url").replace(/^-/u, "A");
    const words = ["kafka.tools.StorageTool", "format", "-t", clusterId, "-c", this.#settingsFile, ...loginsOf(secure)];
    execFileSync(this.#programs.java, [...this.#javaWords(), ...words], { cwd: this.#folder, stdio: "pipe" });
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get secureAddress(): string {
    return this.#securePort === 0 ? "" : `localhost:${this.#securePort}`;
  }

  get #settingsFile(): string {
    return path.join(this.#folder, "server.properties");
  }

  #javaWords(): string[] {
    const { lib, classes } = this.#programs;
    const archive = existsSync(classes) ? [`-XX:SharedArchiveFile=${classes}`] : [];
    const log = `-Dlog4j2.configurationFile=file:${path.join(this.#folder, "log4j2.xml")}`;
    return [...jvm, ...archive, log, "-cp", path.join(lib, "*")];
  }

  readonly #endWithUs = (): void => {
    this.#broker?.kill("SIGKILL");
  };

  async start(): Promise<void> {
    const words = [...this.#javaWords(), "kafka.Kafka", this.#settingsFile];
    if (this.#archive !== undefined) words.unshift(`-XX:ArchiveClassesAtExit=${this.#archive}`);
    const said: string[] = [];
    const stdio = ["ignore", "ignore", "pipe"] as const;
    const broker = spawn(this.#programs.java, words, { cwd: this.#folder, stdio: [...stdio] });
    broker.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()) > 200 && said.shift());
    this.#broker = broker;
    process.once("exit", this.#endWithUs);
    const until = performance.now() + brokerLimits.readyMs;
    // The port is the last thing that a broker opens.
    while (!(await takesConnections(this.#port))) {
      if (hasEnded(broker)) throw new Error(`Kafka did not start:\n${said.join("")}`);
      if (performance.now() > until) throw new Error(`Kafka does not answer:\n${said.join("")}`);
      await sleep(brokerLimits.lookMs);
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    process.off("exit", this.#endWithUs);
    const broker = this.#broker;
    if (broker === undefined) return;
    this.#broker = undefined;
    if (hasEnded(broker)) return;
    const ended = once(broker, "exit");
    broker.kill(signal);
    const late = setTimeout(() => broker.kill("SIGKILL"), brokerLimits.stopMs);
    await ended;
    clearTimeout(late);
  }

  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  freeze(): void {
    if (this.#broker?.pid !== undefined) stopInTracks(this.#broker.pid);
  }

  thaw(): void {
    this.#broker?.kill("SIGCONT");
  }

  async remove(): Promise<void> {
    // Its data go with it, so nothing is gained by an orderly stop.
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Sets up and starts a broker. @throws Error when Kafka is not in the cache folder or does not start */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const ports = { port: await freePort(), controllerPort: await freePort(), securePort: await freePort() };
  const server = new RunningKafka(ports, options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}
