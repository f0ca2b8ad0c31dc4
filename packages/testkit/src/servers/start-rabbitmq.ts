// A real RabbitMQ for tests: a node of its own name with data folder and ports on loopback,
// stopped by its pid.
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { freePort } from "./free-port.ts";
import { stopInTracks } from "./stop-in-tracks.ts";

const serverLimits = {
  /** Time a node may take until it listens, ms: a busy machine takes half a minute. */
  readyMs: 120_000,
  /** Pause between two looks, ms. */
  lookMs: 50,
  /** Time an orderly stop may take before the node is killed, ms. */
  stopMs: 20_000,
} as const;

/** Debian's; the commands in /usr/sbin change the user and drop the environment. */
const binFolder = "/usr/lib/rabbitmq/bin";
/** Folder tree of another system whose RabbitMQ is run instead of this one's, see `make rabbit SERIES=4`. */
// oxlint-disable-next-line node/no-process-env -- the command that starts the tests says on what
const tree = process.env["OSSAAT_TEST_RABBITMQ_TREE"] ?? "";

export type RabbitmqOptions = {
  /** Of the application `rabbit`, by name: its configuration file has no words for some. */
  settings?: Readonly<Record<string, number>>;
  /** A listener with TLS beside the plain one; the certificate must carry `localhost`. */
  tls?: { ca: string; cert: string; key: string };
};

export type RabbitmqServer = {
  /** Address with user and password, of the virtual host `/`. */
  url: string;
  port: number;
  /** Port of the listener with TLS; 0 without one. */
  tlsPort: number;
  /** Ends the node as a power failure would, but for the disk. */
  kill(): Promise<void>;
  /** Starts again, on the same data and ports. */
  start(): Promise<void>;
  /** Stops the node in its tracks without ending it; `thaw` lets it go on. */
  freeze(): void;
  thaw(): void;
  /** Runs rabbitmqctl on the node and returns what it said. */
  control(...words: string[]): Promise<string>;
  /** Raises the alarm of low memory, so that publishers are blocked, or ends it. */
  alarm(isRaised: boolean): Promise<void>;
  remove(): Promise<void>;
};

/** @throws Error when RabbitMQ is not installed */
function findRabbitmq(): string {
  const server = path.join(binFolder, "rabbitmq-server");
  if (!existsSync(path.join(tree, server))) {
    const command = tree === "" ? "rabbitmq.sh" : "rabbitmq-tree.sh";
    throw new Error(`RabbitMQ 3.10 or newer is not installed: run \`sh tools/setup/${command}\` as root.`);
  }
  return server;
}

/** A program and its words, in the tree when there is one; `folder` is the same place in both. */
function inTree(folder: string, program: string, words: readonly string[]): [string, string[]] {
  if (tree === "") return [program, [...words]];
  const places = ["--ro-bind", tree, "/", "--tmpfs", "/tmp", "--bind", folder, folder];
  const box = ["--die-with-parent", ...places, "--dev-bind", "/dev", "/dev", "--proc", "/proc", "--chdir", folder];
  return ["bwrap", [...box, "--", program, ...words]];
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + serverLimits.readyMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(what);
    await sleep(serverLimits.lookMs);
  }
}

type Ports = { node: number; distribution: number; names: number; tls: number };

/** Where a system keeps the shell, Erlang and epmd. */
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Low enough for an alarm with any load, and high enough for none. */
const memory = { alarm: "1MB", normal: "1GB" };

function nodeSettings(folder: string, ports: Ports, { settings = {} }: RabbitmqOptions): Record<string, string> {
  const own = (name: string) => path.join(folder, name);
  return {
    PATH: systemPath,
    HOME: folder,
    RABBITMQ_NODENAME: `ossaat${ports.node}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(ports.node),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(ports.names),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_CONFIG_FILE: own("rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: own("enabled_plugins"),
    RABBITMQ_MNESIA_BASE: own("mnesia"),
    RABBITMQ_LOG_BASE: own("log"),
    RABBITMQ_PID_FILE: own("node.pid"),
    RABBITMQ_GENERATED_CONFIG_DIR: own("conf.d"),
    RABBITMQ_SCHEMA_DIR: own("schema"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
      ...Object.entries(settings).map(([name, value]) => `-rabbit ${name} ${value}`),
    ].join(" "),
  };
}

class RunningRabbitmq implements RabbitmqServer {
  readonly #program = findRabbitmq();
  readonly #folder = mkdtempSync(path.join(tmpdir(), "ossaat-rabbitmq-"));
  readonly #ports: Ports;
  readonly #env: Record<string, string>;
  #names: ChildProcess | undefined;
  #wrapper: ChildProcess | undefined;
  #pid: number | undefined;

  constructor(ports: Ports, options: RabbitmqOptions) {
    this.#ports = ports;
    this.#env = nodeSettings(this.#folder, ports, options);
    for (const name of ["mnesia", "log", "conf.d", "schema"]) mkdirSync(path.join(this.#folder, name));
    const settings = [
      `listeners.tcp.default = 127.0.0.1:${ports.node}`,
      `vm_memory_high_watermark.absolute = ${memory.normal}`,
      "disk_free_limit.absolute = 50MB",
      "log.file.level = warning",
    ];
    if (options.tls !== undefined) settings.push(...this.#secureWords(options.tls));
    writeFileSync(path.join(this.#folder, "rabbitmq.conf"), `${settings.join("\n")}\n`);
    writeFileSync(path.join(this.#folder, "enabled_plugins"), "[].");
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.#ports.node}`;
  }

  get port(): number {
    return this.#ports.node;
  }

  get tlsPort(): number {
    return this.#ports.tls;
  }

  #secureWords(files: NonNullable<RabbitmqOptions["tls"]>): string[] {
    const names = { ca: "cacertfile", cert: "certfile", key: "keyfile" } as const;
    const words = Object.entries(names).map(([name, word]) => {
      const file = path.join(this.#folder, `${name}.pem`);
      writeFileSync(file, files[name as keyof typeof names], { mode: 0o600 });
      return `ssl_options.${word} = ${file}`;
    });
    return [`listeners.ssl.default = 127.0.0.1:${this.#ports.tls}`, "ssl_options.verify = verify_none", ...words];
  }

  readonly #endWithUs = (): void => {
    if (this.#pid !== undefined) this.#signal("SIGKILL");
    this.#names?.kill("SIGKILL");
  };

  async start(): Promise<void> {
    await this.#startNames();
    const pidFile = path.join(this.#folder, "node.pid");
    rmSync(pidFile, { force: true });
    const said: string[] = [];
    const [program, words] = inTree(this.#folder, this.#program, []);
    const wrapper = spawn(program, words, { env: this.#env, cwd: this.#folder, stdio: ["ignore", "pipe", "pipe"] });
    wrapper.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()) > 200 && said.shift());
    wrapper.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString()) > 200 && said.shift());
    this.#wrapper = wrapper;
    process.once("exit", this.#endWithUs);
    await until("RabbitMQ does not listen", async () => {
      if (wrapper.exitCode !== null) throw new Error(`RabbitMQ did not start:\n${said.join("")}`);
      if (existsSync(pidFile)) this.#pid = Number(readFileSync(pidFile, "utf8"));
      return this.#pid !== undefined && this.#pid > 0 && isListening(this.#ports.node);
    });
  }

  async kill(): Promise<void> {
    const wrapper = this.#wrapper;
    if (wrapper === undefined) return;
    const ended = wrapper.exitCode === null && wrapper.signalCode === null ? once(wrapper, "exit") : undefined;
    this.#signal("SIGKILL");
    await ended;
    // A port may stay open for a moment after its process is gone.
    await until("the port of the killed node stays open", async () => !(await isListening(this.#ports.node)));
    this.#pid = undefined;
    this.#wrapper = undefined;
  }

  freeze(): void {
    if (this.#pid !== undefined) stopInTracks(this.#pid);
  }

  thaw(): void {
    this.#signal("SIGCONT");
  }

  async control(...words: string[]): Promise<string> {
    const [program, all] = inTree(this.#folder, path.join(binFolder, "rabbitmqctl"), ["-q", ...words]);
    const { stdout } = await promisify(execFile)(program, all, { env: this.#env, cwd: this.#folder });
    return stdout;
  }

  async alarm(isRaised: boolean): Promise<void> {
    await this.control("set_vm_memory_high_watermark", "absolute", isRaised ? memory.alarm : memory.normal);
  }

  async remove(): Promise<void> {
    process.off("exit", this.#endWithUs);
    const wrapper = this.#wrapper;
    if (wrapper !== undefined && wrapper.exitCode === null && wrapper.signalCode === null) {
      const ended = once(wrapper, "exit");
      this.thaw();
      this.#signal("SIGTERM");
      const late = setTimeout(() => this.#signal("SIGKILL"), serverLimits.stopMs);
      await ended;
      clearTimeout(late);
    }
    this.#names?.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** NOTE: without one of ours, RabbitMQ starts a name server that outlives every node. */
  async #startNames(): Promise<void> {
    if (this.#names !== undefined) return;
    const port = String(this.#ports.names);
    const [program, words] = inTree(this.#folder, "epmd", ["-address", "127.0.0.1", "-port", port]);
    this.#names = spawn(program, words, { stdio: "ignore" });
    const [failed] = await Promise.race([
      once(this.#names, "error"),
      until("epmd does not listen", () => isListening(this.#ports.names)).then(() => []),
    ]);
    if (failed instanceof Error) throw failed;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) return;
    try {
      process.kill(this.#pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Sets up and starts a node. @throws Error when RabbitMQ is not installed or does not start */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  const ports = {
    node: await freePort(),
    distribution: await freePort(),
    names: await freePort(),
    tls: options.tls === undefined ? 0 : await freePort(),
  };
  const server = new RunningRabbitmq(ports, options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}
