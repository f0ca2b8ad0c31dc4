// A server that lives and does not answer: it is named, waited for, and stopped by `ossaat down` alone.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts/errors";

import type { Config } from "../config.ts";
import { answers, findServer } from "./find-server.ts";
import { readServerFile } from "./server-file.ts";
import type { ServerFile } from "./server-file.ts";
import { isServerProcess } from "./server-process.ts";

/** Time a server that lives has to answer again before it is called hung, ms: a busy machine is no fault of its own. */
const hungMs = 8_000;

/** The embedded server that lives and does not answer, if one does. */
export async function findHungServer(config: Config): Promise<ServerFile | undefined> {
  const file = readServerFile(config.stateDir);
  if (file === undefined || !isServerProcess(file)) return undefined;
  return (await answers(file)) ? undefined : file;
}

export function serverHangs({ pid }: Pick<ServerFile, "pid">): AgentError {
  return new AgentError("unavailable", `The server (pid ${pid}) lives but does not answer.`, {
    details: { pid, next: "`ossaat down` stops it; plans resume at the next start" },
  });
}

/** Waits for a server that lives to answer again. @throws AgentError unavailable when it hangs */
export async function awaitHungServer(config: Config): Promise<ServerFile | undefined> {
  const end = performance.now() + hungMs;
  for (;;) {
    const hung = await findHungServer(config);
    if (hung === undefined) return findServer(config);
    if (performance.now() >= end) throw serverHangs(hung);
    await sleep(200);
  }
}
