// `ossaat up`, `ossaat down` and `ossaat status`: the embedded server.
import { AgentError, errorTable, exitCodes } from "@ossaat/contracts";
import type { PartAway, StatusResponse } from "@ossaat/contracts";

import { requireNoRule } from "../command-context.ts";
import type { CommandContext } from "../command-context.ts";
import { loadConfig } from "../config.ts";
import type { Config } from "../config.ts";
import { connect, runningClient, stopServer } from "../server/connect.ts";
import { findLivingServer, serverHangs } from "../server/hung-server.ts";
import { makeFolder, requireCacheFolder, requirePrivateFolder } from "../server/make-folder.ts";
import { queueProblem, statusWithQueue } from "../server/queue-problem.ts";
import { escapeLine } from "../terminal/escape.ts";

export type UpFlags = {
  port?: string;
  store?: string;
  queue?: string;
  detach?: boolean;
  dangerouslyNoSandbox?: boolean;
  trace?: string;
};

function readPort(text: string | undefined): number {
  const port = Number(text ?? "0");
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new AgentError("invalid_input", `--port takes a number from 0 to 65535, not ${JSON.stringify(text)}.`);
}

async function upForeground(flags: UpFlags, context: CommandContext): Promise<number> {
  const { serve } = await import("../server/serve.ts");
  const { createServerLog } = await import("../server/server-log.ts");
  // The server is there for every repository: the file of this one has no part in it.
  const config = await loadConfig({ flags: { store: flags.store, queue: flags.queue } });
  if (flags.dangerouslyNoSandbox === true) requireNoRule(config);
  requireCacheFolder(config);
  makeFolder(config.stateDir);
  const mended = requirePrivateFolder(config.stateDir);
  if (mended !== undefined) context.output.warn(mended);
  const log = await createServerLog(config, flags.trace);
  const server = await serve({
    config,
    sandbox: flags.dangerouslyNoSandbox === true ? "none" : "auto",
    port: readPort(flags.port),
    idleMs: undefined,
    log,
  });
  context.output.note(`ossaat is up at ${server.url}; Ctrl+C stops it, plans resume at the next start.`);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void server.stop(signal));
  await server.stopped;
  await log.close();
  return 0;
}

/** Tells what keeps steps waiting. */
function noteQueue(status: StatusResponse, { output }: CommandContext): void {
  const problem = queueProblem(status);
  if (problem !== undefined) output.note(`${escapeLine(problem)}\nNext: \`ossaat queue status\``);
}

/** A deployment is configured where it runs. @throws AgentError conflict */
function requireOwnServer({ store, queue }: UpFlags, { remote, loaded }: Config): void {
  const named = [...(store === undefined ? [] : ["--store"]), ...(queue === undefined ? [] : ["--queue"])];
  if (remote === undefined || named.length === 0) return;
  const origin = loaded.settings.get("server.url")?.origin;
  const who = origin === undefined ? "" : ` (${origin.layer} ${origin.where})`;
  const verb = named.length === 1 ? "changes" : "change";
  throw new AgentError(
    "conflict",
    `${named.join(" and ")} ${verb} nothing of the server at ${remote.url}${who}: it is configured where it runs.`,
    {
      details: {
        reason: "other_server",
        next: "leave the option out; or `unset OSSAAT_URL`, or `ossaat config unset server.url`, for a server of this machine",
      },
    },
  );
}

/** Runs the server in the foreground, or with --detach in the background. */
export async function upCommand(flags: UpFlags, context: CommandContext): Promise<number> {
  requireOwnServer(flags, context.config);
  if (flags.detach !== true) return upForeground(flags, context);
  if (flags.port !== undefined) {
    throw new AgentError("invalid_input", "--port goes with a server in the foreground: leave out --detach.");
  }
  const { client, url, started } = await context.connect({ mustFit: true });
  const status = await statusWithQueue(client);
  if (context.output.format !== "text") context.output.json({ ...status, url });
  else context.output.print(`${url}  ${started ? "started" : "was up already"}, pid ${status.pid}`);
  noteQueue(status, context);
  return 0;
}

export async function downCommand(context: CommandContext): Promise<number> {
  const stopped = await stopServer(context.config);
  if (context.output.format !== "text") context.output.json({ schemaVersion: 1, stopped });
  else context.output.note(stopped ? "Stopped. Unfinished plans resume at the next start." : "No server was running.");
  return 0;
}

function sandboxText({ sandbox, toolRunner }: StatusResponse): string {
  if (toolRunner !== undefined) return `AWAY, ${toolRunner.detail}`;
  if (sandbox.driver === "none") return "NONE: commands run with your own rights";
  const fix = sandbox.fix === undefined ? "" : ` — ${sandbox.fix}`;
  return `${sandbox.driver}, ${sandbox.detail}${fix}`;
}

function queueText({ ok, blocked, detail }: NonNullable<StatusResponse["queue"]>): string {
  return `${ok ? (blocked ? "BLOCKED" : "well") : "AWAY"}, ${detail}`;
}

function statusText(status: StatusResponse, url: string): string {
  const { plans } = status;
  const model =
    status.model ??
    "none configured; plans come from the index. Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or use --model";
  return [
    `Server   ${url}, version ${status.version}, pid ${status.pid}, since ${status.startedAt}`,
    `Model    ${model}`,
    `Keys     ${status.providerKeys.length === 0 ? "none" : status.providerKeys.join(", ")}`,
    `Sandbox  ${escapeLine(sandboxText(status))}`,
    ...(status.queue === undefined ? [] : [`Queue    ${escapeLine(queueText(status.queue))}`]),
    ...(status.workers === undefined ? [] : [`Workers  AWAY, ${escapeLine(status.workers.detail)}`]),
    `Plans    ${plans.open} open, ${plans.running} running, ${plans.awaitingApproval} wait for approval`,
    // A process of a deployment keeps nothing of its own.
    ...(status.stateDir === "" ? [] : [`State    ${status.stateDir}`]),
  ].join("\n");
}

/** Parts of a deployment that do not do their work. */
export function awayParts({ toolRunner, workers }: StatusResponse): PartAway[] {
  return [toolRunner, workers].filter((part) => part !== undefined);
}

/** Shows the running server; starts none. What is away is marked, and ends it with 7. @throws AgentError unavailable when it hangs */
export async function statusCommand(context: CommandContext): Promise<number> {
  const { config, output } = context;
  const living = config.remote === undefined ? await findLivingServer(config) : undefined;
  if (living?.hangs === true) throw serverHangs(living.file);
  const file = living?.file;
  if (file === undefined && config.remote === undefined) {
    if (output.format !== "text") output.json({ schemaVersion: 1, running: false, stateDir: config.stateDir });
    else output.print(`No server is running; the next command starts one.\nState    ${config.stateDir}`);
    return 0;
  }
  const { client, url } = file === undefined ? await connect(config) : { client: runningClient(config), url: file.url };
  const status = await client.status();
  if (output.format !== "text") output.json({ ...status, running: true, url });
  else output.print(statusText(status, url));
  const away = awayParts(status);
  for (const { next } of away) output.note(`Next: ${escapeLine(next)}`);
  return away.length === 0 ? exitCodes.done : errorTable.unavailable.exitCode;
}
