// The network of a container box that has a way out. A container has no socket of ours and its filter
// lets it make none, so a second one, which runs nothing but a few lines of ours, holds the network:
// it listens on its loopback and leads what comes to a unix socket that only it has. The box shares
// the network alone: no file, no process and no unix socket of it.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";

import { gateArguments } from "./container-arguments.ts";
import type { ContainerBox } from "./container-arguments.ts";
import { askEngine, callEngine, guardContainer } from "./container-engine.ts";
import type { ContainerEngine } from "./container-engine.ts";
import { engineLimits } from "./limits.ts";
import type { EgressGate } from "./sandbox.ts";
import { boxNode } from "./toolchains.ts";

const folder = "/run/ossaat";
const socketName = "s";
const ready = "listening";

const relay = `
const { connect, createServer } = require("node:net");
const { pipeline } = require("node:stream");
const allowHalfOpen = true;
const server = createServer({ allowHalfOpen }, (inner) => {
  const outer = connect({ path: process.argv[2], allowHalfOpen });
  const onEnd = (error) => { if (error) { inner.destroy(); outer.destroy(); } };
  pipeline(inner, outer, onEnd);
  pipeline(outer, inner, onEnd);
});
server.listen(Number(process.argv[1]), "127.0.0.1", () => console.log("${ready}"));
`;

export type ContainerGate = {
  /** Id of the container whose network the box shares. */
  id: string;
  close(): Promise<void>;
};

/** Has the gate listen in a folder; undone by what it returns. */
async function listenIn(dir: string, gate: EgressGate): Promise<() => Promise<void>> {
  // A socket's path has at most 107 bytes, and a state folder may lie deep: the descriptor names it shortly.
  const handle = await open(dir);
  const path = `/proc/self/fd/${handle.fd}/${socketName}`;
  try {
    await gate.serve({ path });
  } catch (error) {
    await handle.close();
    throw error;
  }
  return () => handle.close();
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    const fail = (cause?: unknown): void =>
      reject(new AgentError("unavailable", `The way out of the box could not be made: ${said.trim()}`, { cause }));
    const timer = setTimeout(fail, engineLimits.callMs);
    const hear = (data: Buffer): void => {
      if (said.length < engineLimits.answerBytes) said += data.toString("utf8");
      if (said.includes(ready)) resolve();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("error", fail);
    child.once("close", () => {
      clearTimeout(timer);
      fail();
    });
  });
}

export type GatePlace = { engine: ContainerEngine; box: ContainerBox; labels: Readonly<Record<string, string>> };

/** Makes the network of one box. The caller closes it when the box is gone. @throws AgentError unavailable */
export async function openContainerGate(
  { engine, box, labels }: GatePlace,
  gate: EgressGate,
  scratchDir: string,
): Promise<ContainerGate> {
  const dir = await mkdtemp(join(scratchDir, "gate-"));
  // The box's user has to pass; on the host the owner-only folder around it lets nobody else come here.
  await chmod(dir, 0o711);
  const closing: (() => Promise<unknown> | void)[] = [() => rm(dir, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const undo of closing.splice(0).toReversed()) await undo();
  };
  try {
    closing.push(await listenIn(dir, gate));
    const argv = [boxNode, "-e", relay, String(gate.port), `${folder}/${socketName}`];
    const id = await askEngine(engine, gateArguments(box, { argv, folder: { source: dir, target: folder } }, labels));
    closing.push(guardContainer(engine, id));
    closing.push(() => callEngine(engine, ["rm", "--force", "--volumes", id]));
    const child = spawn(engine.program, ["start", "--attach", id], {
      env: { ...engine.env },
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe"],
    });
    closing.push(() => void child.kill("SIGKILL"));
    await untilReady(child);
    return { id, close };
  } catch (error) {
    await close();
    throw error;
  }
}
