// What every driver with a filtered way out promises: what a program in a real box reaches, what it
// does not, and what is recorded.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

import { Envelope, egressUseMetadata } from "@ossaat/contracts";
import type { EgressRecord } from "@ossaat/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { Sandbox } from "../sandbox/sandbox.ts";
import { engineEnv } from "../testing/engine-env.ts";
import { markedSleep, survivors } from "../testing/marked-sleep.ts";
import { EgressWorld, describeRecord, loopbackResolver } from "../testing/egress-world.ts";
import type { Upstream } from "../testing/egress-world.ts";
import { openRunner, wideEnvelope } from "../testing/open-runner.ts";
import type { CallChanges, OpenRunner, Outcome } from "../testing/open-runner.ts";
import { egressLimits } from "./limits.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";

export type EgressSubject = {
  /** Makes the driver; `scratchDir` is the runner's own folder. */
  create: (scratchDir: string) => Sandbox;
  /** First word of `testing/runner-with-egress.ts` for the driver. */
  name: "bubblewrap" | "container";
};

const runnerScript = fileURLToPath(new URL("../testing/runner-with-egress.ts", import.meta.url));
const canary = "canary-5d41402abc4b2a76";

/** What a program in the box does; prints one line an address. */
const fetchAll = `
for (const [url, method = "GET"] of process.argv.slice(1).map((word) => word.split("#"))) {
  try { const got = await fetch(url, { method }); console.log(got.status, (await got.text()).trim()); }
  catch (error) { console.log("failed", error.cause?.message ?? error.message); }
}`;

const asked = (records: EgressRecord[] = []) => records.map(describeRecord);

export function describeEgress({ create, name }: EgressSubject): void {
  const world = new EgressWorld();
  let runner: OpenRunner;
  let dir: TempDir;
  let plain: Upstream;
  let secure: Upstream;
  const seen: (string | undefined)[] = [];

  const envelope = (egressHosts: string[], secrets: string[] = []) =>
    Envelope.parse({ ...wideEnvelope, egressHosts, secrets });
  const run = (argv: string[], hosts: string[], changes: CallChanges & { secrets?: string[] } = {}): Promise<Outcome> =>
    runner.call("run_command", { argv }, { envelope: envelope(hosts, changes.secrets), ...changes });
  const node = (script: string, hosts: string[], words: string[] = [], changes = {}) =>
    run(["node", "--input-type=module", "-e", script, ...words], hosts, changes);
  /** Lines a program printed. */
  const lines = ({ text }: Outcome) => text.split("\n").filter((line) => /^(?:\d{3} |failed|ok|E|\[\])/u.test(line));

  beforeAll(async () => {
    dir = makeTempDir();
    plain = await world.upstream((_request, response) => response.end("hello"));
    secure = await world.secureUpstream("api.example.org", (request, response) => {
      seen.push(request.headers.authorization);
      response.end(`secure ${request.headers.authorization ?? "nobody"}`);
    });
    runner = await openRunner(
      { "a.txt": "a\n" },
      {
        driver: create(dir.at("box")),
        egress: {
          resolver: loopbackResolver,
          upstreamCa: [(await world.outside).certificate],
          secrets: {
            find: (name) =>
              Promise.resolve(
                name === "token"
                  ? {
                      name,
                      hosts: [`api.example.org:${secure.port}`],
                      header: "authorization",
                      reveal: () => `Bearer ${canary}`,
                    }
                  : undefined,
              ),
          },
        },
      },
    );
  });
  afterAll(async () => {
    await runner.close();
    world.close();
    dir.remove();
  });

  it("lets a program reach a host of its list and no other, and says so", async () => {
    const listed = `http://api.example.org:${plain.port}/a`;
    const got = await node(
      fetchAll,
      [`api.example.org:${plain.port}`],
      [listed, `http://other.example.org:${plain.port}/b`],
    );
    expect(lines(got)[0]).toBe("200 hello");
    expect(lines(got)[1]).toMatch(/^failed/u);
    expect(asked(got.output?.egress_requests)).toEqual([
      "allowed CONNECT api.example.org x1",
      "denied CONNECT other.example.org host_not_listed x1",
    ]);
    expect(got.text).toContain(
      `- CONNECT other.example.org:${plain.port}: this host and port are not on the step's list\nTo reach more than the step's list names, call run_command again with \`hosts\`: a person is asked.`,
    );
    expect(got.output?.egress_requests?.[0]).toMatchObject({
      port: plain.port,
      bytesUp: expect.any(Number),
      bytesDown: expect.any(Number),
    });
  });

  it("counts what the step moved before this runner was started", async () => {
    const entry = `api.example.org:${plain.port}`;
    const after = async (up: number, down: number, stepId: string) => {
      const metadata = egressUseMetadata({ up, down });
      return asked(
        (await node(fetchAll, [entry], [`http://${entry}/a`], { metadata, stepId })).output?.egress_requests,
      );
    };
    const denied = ["denied CONNECT api.example.org byte_budget x1"];
    expect([
      await after(1, 1, "fresh"),
      await after(egressLimits.maxStepUpBytes + 1, 0, "up"),
      await after(0, 0, "up"),
      await after(0, egressLimits.maxStepDownBytes + 1, "down"),
    ]).toEqual([["allowed CONNECT api.example.org x1"], denied, denied, denied]);
  });

  it("is not there for a step without hosts: no proxy, no variable, nothing that listens", async () => {
    const script = `
      console.log("ok", Object.keys(process.env).filter((name) => /_proxy|CHANNEL/iu.test(name)).join());
      const { connect } = await import("node:net");
      connect(3128, "127.0.0.1").on("error", (error) => console.log(error.code)).on("connect", () => console.log("connected"));`;
    const got = await node(script, []);
    expect([lines(got), got.output?.egress_requests]).toEqual([["ok ", "ECONNREFUSED"], undefined]);
  });

  it("is the only way: no address, no datagram, no name by itself", async () => {
    const script = `
      const { connect } = await import("node:net"); const { createSocket } = await import("node:dgram"); const { lookup } = await import("node:dns/promises");
      const gone = (code) => (["ENETUNREACH", "EADDRNOTAVAIL"].includes(code) ? "no way" : code);
      const tcp = (host, port) => new Promise((done) => connect({ host, port, timeout: 2000 }).on("error", (e) => done(gone(e.code))).on("connect", () => done("connected")).on("timeout", () => done("timeout")));
      const udp = (type, host) => new Promise((done) => createSocket(type).on("error", (e) => done(gone(e.code))).send("x", 53, host, (e) => done(gone(e?.code ?? "sent"))));
      for (const host of ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "169.254.169.254"]) console.log("ok", await tcp(host, 443));
      console.log("ok", await udp("udp4", "1.1.1.1"), await udp("udp6", "2606:4700:4700::1111"));
      console.log("ok", await lookup("example.org").catch((e) => e.code !== undefined));
      console.log("ok", await tcp("127.0.0.1", ${plain.port}));
      process.exit();`;
    const got = await node(script, ["api.example.org"]);
    expect(lines(got)).toEqual([
      ...Array.from({ length: 4 }, () => "ok no way"),
      "ok no way no way",
      "ok true",
      "ok ECONNREFUSED",
    ]);
  });

  it("leads to no service of the machine, whatever it is called", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const names = [
        "127.0.0.1",
        "localhost.",
        "0.0.0.0",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "metadata.google.internal",
      ];
      const script = `
        const { request } = await import("node:http");
        const proxy = new URL(process.env.http_proxy);
        for (const name of process.argv.slice(1)) await new Promise((done) => {
          const auth = "Basic " + Buffer.from(decodeURIComponent(proxy.username + ":" + proxy.password)).toString("base64");
          const asked = request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: name + ":${port}", headers: { "proxy-authorization": auth } });
          asked.on("connect", (answer, socket) => { console.log("ok", answer.statusCode); socket.destroy(); done(); }).on("error", (error) => { console.log(error.code); done(); }).end();
        });
        process.exit();`;
      const got = await node(script, ["api.example.org"], names);
      expect([lines(got), connections]).toEqual([names.map(() => "ok 403"), 0]);
      expect(asked(got.output?.egress_requests).every((line) => line.startsWith("denied CONNECT"))).toBe(true);
    } finally {
      server.close();
    }
  });

  it("takes no password of another run", async () => {
    const first = await node("console.log('ok', process.env.http_proxy)", ["api.example.org"]);
    const stolen = /run:([\w-]+)@/u.exec(first.text)?.[1] ?? "";
    const stolenProxy = `"http://run:${stolen}@127.0.0.1:3128"`;
    const child = `
      const { execFileSync } = await import("node:child_process");
      const env = { ...process.env, http_proxy: ${stolenProxy}, HTTP_PROXY: ${stolenProxy} };
      const argv = ["--input-type=module", "-e", ${JSON.stringify(fetchAll)}, process.argv[1]];
      console.log(execFileSync(process.execPath, argv, { env }).toString());`;
    const got = await node(child, [`api.example.org:${plain.port}`], [`http://api.example.org:${plain.port}/`]);
    expect([stolen.length > 40, lines(got)[0]?.startsWith("failed")]).toEqual([true, true]);
    expect(asked(got.output?.egress_requests)).toEqual(["denied CONNECT api.example.org unauthenticated x1"]);
  });

  it("brings no descriptor, no unix socket and no word of the runner into the box", async () => {
    const script = `
      const { readdirSync } = await import("node:fs"); const { spawnSync } = await import("node:child_process");
      const fds = spawnSync("/bin/sh", ["-c", "ls /proc/self/fd | tr '\\\\n' ' '"], { stdio: ["inherit", "pipe", "inherit"] });
      console.log("ok", fds.stdout.toString().trim());
      console.log("ok", process.env.NODE_CHANNEL_FD, process.connected);
      const { connect } = await import("node:net");
      await new Promise((done) => connect("/tmp/x.sock").on("error", (error) => { console.log("ok", error.code); done(); }));`;
    const got = await node(script, ["api.example.org"]);
    expect(lines(got)).toEqual(["ok 0 1 2 3", "ok undefined undefined", "ok EPERM"]);
  });

  it("judges methods and paths of https, with certificates programs of the box trust", async () => {
    const base = `https://api.example.org:${secure.port}`;
    const hosts = [`GET ${base}/v1/*`];
    const got = await node(fetchAll, hosts, [`${base}/v1/a`, `${base}/v1/a#POST`, `${base}/v2`]);
    expect(lines(got)).toEqual([
      "200 secure nobody",
      "403 ossaat: the step's list does not name this method for the host (method_not_listed)",
      "403 ossaat: the step's list does not cover this path of the host (path_not_listed)",
    ]);
    expect(asked(got.output?.egress_requests)).toEqual([
      "allowed GET api.example.org/v1/a x1",
      "denied POST api.example.org/v1/a method_not_listed x1",
      "denied GET api.example.org/v2 path_not_listed x1",
    ]);
  });

  it.skipIf(!existsSync("/usr/bin/curl"))("serves curl as well", async () => {
    const base = `https://api.example.org:${secure.port}`;
    const argv = ["curl", "-sS", "-o", "-", `${base}/v1/a`, `http://api.example.org:${plain.port}/`];
    const hosts = [`GET ${base}/v1/*`, `api.example.org:${plain.port}`];
    const wide = { ...envelope(hosts), commands: ["curl"] };
    const got = await runner.call("run_command", { argv }, { envelope: wide });
    expect(got.text.split("\n").at(-1)).toBe("secure nobodyhello");
  });

  it("adds a secret for its host, and the box never sees it", async () => {
    seen.length = 0;
    const url = `https://api.example.org:${secure.port}/x`;
    const script = `${fetchAll}
      const { readdirSync, readFileSync } = await import("node:fs");
      const read = (path) => { try { return readFileSync(path, "latin1"); } catch { return ""; } };
      const all = [JSON.stringify(process.env), ...readdirSync("/proc").flatMap((pid) => ["environ", "cmdline", "maps"].map((file) => read("/proc/" + pid + "/" + file)))];
      for (const dir of ["/opt/ossaat/egress", "/tmp", "/home/agent", "/workspace", "/etc"]) for (const file of readdirSync(dir)) all.push(read(dir + "/" + file));
      console.log("ok", all.some((text) => text.includes("canary-" + "5d41402abc4b2a76")));`;
    const got = await node(script, [`api.example.org:${secure.port}`], [url], { secrets: ["token"] });
    expect(seen).toEqual([`Bearer ${canary}`]);
    expect(lines(got)).toEqual([`200 secure ${"*".repeat(`Bearer ${canary}`.length)}`, "ok false"]);
    expect(JSON.stringify(got)).not.toContain(canary);
    expect(got.output?.egress_requests).toMatchObject([{ decision: "allowed", secret: "token" }]);
    const without = await node(fetchAll, [`https://api.example.org:${secure.port}`], [url]);
    expect(lines(without)).toEqual(["200 secure nobody"]);
  });

  it("runs nothing for a step whose secret is not there", async () => {
    const got = await node("console.log('ok')", ["api.example.org"], [], { secrets: ["absent"] });
    expect([got.state, got.code, got.message]).toEqual([
      "failed",
      "not_found",
      "The secret absent, which the step names, is not there.",
    ]);
  });

  it("reaches more for one call only when a person allowed that call", async () => {
    const hosts = [`api.example.org:${plain.port}`];
    const input = {
      argv: ["node", "--input-type=module", "-e", fetchAll, `http://api.example.org:${plain.port}/`],
      hosts,
    };
    const refused = await runner.call("run_command", input, { envelope: envelope([]) });
    const granted = await runner.call("run_command", input, { envelope: envelope([]), approvedOutside: true });
    expect([refused.code, refused.message?.endsWith(`and reach ${hosts[0]}.`), lines(granted)]).toEqual([
      "policy_denied",
      true,
      ["200 hello"],
    ]);
  });

  it("ends with the box when time is up, and leaves nothing", async () => {
    const { seconds, mark } = markedSleep();
    const holds = `await fetch("http://api.example.org:${plain.port}/"); console.log("${mark}"); const { spawnSync } = await import("node:child_process"); spawnSync("sleep", ["${seconds}"]);`;
    const late = await node(holds, [`api.example.org:${plain.port}`], [], { timeoutSeconds: 2 });
    expect([late.output?.commands?.[0]?.timedOut, asked(late.output?.egress_requests)]).toEqual([
      true,
      ["allowed CONNECT api.example.org x1"],
    ]);
    expect(await survivors(mark)).toEqual([]);
    const left = [...readdirSync(`${runner.stateDir}/box`), ...readdirSync(dir.at("box"))];
    expect(left.filter((file) => /^(?:egress|gate)-/u.test(file))).toEqual([]);
  });

  it("ends with a call that is cancelled", async () => {
    const { seconds, mark } = markedSleep();
    const before = plain.requests.length;
    const holds = `await fetch("http://api.example.org:${plain.port}/"); const { spawnSync } = await import("node:child_process"); spawnSync("sleep", ["${seconds}"]);`;
    const invocationId = crypto.randomUUID();
    const ended = node(holds, [`api.example.org:${plain.port}`], [], { invocationId });
    await expect.poll(() => plain.requests.length, { timeout: 10_000 }).toBe(before + 1);
    await runner.tools.cancel(invocationId);
    const { state, output } = await ended;
    expect([state, asked(output?.egress_requests)]).toEqual(["cancelled", ["allowed CONNECT api.example.org x1"]]);
    expect(await survivors(mark)).toEqual([]);
  });

  it("ends with the runner, however that ends", async () => {
    const { mark } = markedSleep();
    const child = spawn(process.execPath, [runnerScript, name, mark], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: process.env["PATH"], ...engineEnv },
    });
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    expect(said.toString().trim()).toBe("200 hello");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await survivors(mark)).toEqual([]);
  });
}
