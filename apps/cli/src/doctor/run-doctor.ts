// Runs every check, each with a time limit, and gives the findings in reading order.
import { setTimeout as sleep } from "node:timers/promises";

import type { CommandContext } from "../command-context.ts";
import { findServer } from "../server/find-server.ts";
import { checkClock, checkDisks, checkGit, checkNode } from "./check-machine.ts";
import { checkKeys, checkModel, checkOnline } from "./check-model.ts";
import { checkQueue } from "./check-queue.ts";
import { checkRepository } from "./check-repository.ts";
import { checkSandbox } from "./check-sandbox.ts";
import { checkServer } from "./check-server.ts";
import { checkCacheFolder, checkDatabase, checkStateFolder } from "./check-state.ts";
import { checkSettings, checkTerminal } from "./check-terminal.ts";
import { fail } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { doctorLimits } from "./limits.ts";

type Check = { name: string; run: () => Finding | Finding[] | Promise<Finding | Finding[]> };

async function runCheck({ name, run }: Check): Promise<Finding[]> {
  const controller = new AbortController();
  const late = sleep(doctorLimits.checkMs, undefined, { signal: controller.signal, ref: false }).then(() =>
    fail(name, `The check did not end within ${doctorLimits.checkMs / 1000} s.`, "look at what hangs, and try again"),
  );
  late.catch(() => undefined);
  try {
    const work = (async () => run())();
    return [await Promise.race([work, late])].flat();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [fail(name, `The check itself failed: ${text}`, "report it, with all that is said here")];
  } finally {
    controller.abort();
  }
}

/** All findings; `isOnline` lets the checks ask vendors over the network. */
export async function runDoctor(context: CommandContext, { isOnline }: { isOnline: boolean }): Promise<Finding[]> {
  const { config, folder, output } = context;
  const isServed = config.remote === undefined && (await findServer(config)) !== undefined;
  const checks: Check[] = [
    { name: "settings", run: () => checkSettings(config) },
    { name: "node", run: () => checkNode(process.versions.node) },
    { name: "git", run: checkGit },
    { name: "state folder", run: () => checkStateFolder(config) },
    { name: "cache folder", run: () => checkCacheFolder(config) },
    { name: "database", run: () => checkDatabase(config, isServed) },
    { name: "queue", run: () => checkQueue(config) },
    { name: "server", run: () => checkServer(config) },
    { name: "clock", run: () => checkClock(config, Date.now()) },
    { name: "disk", run: () => checkDisks(config) },
    { name: "sandbox", run: () => checkSandbox(config) },
    { name: "keys", run: () => checkKeys(config) },
    { name: "model", run: () => checkModel(config) },
    ...(isOnline ? [{ name: "online", run: () => checkOnline(config) }] : []),
    { name: "repository", run: () => checkRepository(folder) },
    { name: "terminal", run: () => checkTerminal(config, output) },
  ];
  return (await Promise.all(checks.map(runCheck))).flat();
}
