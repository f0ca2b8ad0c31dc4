// A network namespace with one listening socket, made before the box and shared with it. The socket
// is handed to this process, so nothing of ours runs beside the box and nothing is mounted into it:
// when the box ends or this process does, the kernel takes the namespace down.
import type { ChildProcess } from "node:child_process";
import { Server } from "node:net";

import { AgentError } from "@ossaat/contracts";

import type { BoxIdentity } from "./box-arguments.ts";
import type { EgressGate } from "./sandbox.ts";

/** Descriptor of the channel on which the socket comes; one digit, so that every shell can close it. */
export const fdChannel = 6;

/** Milliseconds after which a helper that hangs ends itself; it takes a few hundredths of a second. */
const helperTimeoutMs = 10_000;

/** Listens in the namespace it runs in, and hands the socket over. */
const listen = `
setTimeout(() => process.exit(1), ${helperTimeoutMs});
const server = require("node:net").createServer();
server.on("error", (error) => { console.error(error.message); process.exit(1); });
server.listen(Number(process.argv[1]), "127.0.0.1", () =>
  process.send("listening", server, { keepOpen: false }, (error) => process.exit(error ? 1 : 0)));
`;

/** The box's bwrap gets neither the channel nor a word of its environment. */
const script = `"$1" -e "$2" "$3" && shift 3 && exec "$@" ${fdChannel}<&-`;

export type Enter = { bwrap: string; node: string; identity: BoxIdentity; port: number };

/** The words in front of a box's command: a namespace with only a loopback, which is up. */
export function enterNamespace({ bwrap, node, identity, port }: Enter): string[] {
  const user = identity === "switched" ? [] : ["--unshare-user"];
  const namespace = [bwrap, "--dev-bind", "/", "/", ...user, "--unshare-net", "--die-with-parent", "--"];
  return [...namespace, "/bin/sh", "-c", script, "sh", node, listen, String(port)];
}

/** Gives the gate its socket as soon as it comes. */
export function passListener(child: ChildProcess, gate: EgressGate): void {
  child.once("message", (_message, handle) => {
    if (handle instanceof Server) gate.serve(handle).catch((error: unknown) => child.emit("error", error));
    else child.emit("error", new AgentError("internal", "The box's network helper sent no socket."));
    // The channel would stay open as long as the box runs.
    if (child.connected) child.disconnect();
  });
}
