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

export type LivingServer = {
  file: ServerFile;
  /** It was asked twice and did not answer. */
  hangs: boolean;
};

/** The embedded server that lives although it did not answer a moment ago, if one does. */
async function findSlowServer(config: Config): Promise<LivingServer | undefined> {
  const file = readServerFile(config.stateDir);
  if (file === undefined || !isServerProcess(file)) return undefined;
  return { file, hangs: !(await answers(file)) };
}

/** The embedded server that lives, whether it answers or not, if one does. */
export async function findLivingServer(config: Config): Promise<LivingServer | undefined> {
  const file = await findServer(config);
  return file === undefined ? findSlowServer(config) : { file, hangs: false };
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
    const slow = await findSlowServer(config);
    if (slow === undefined) return findServer(config);
    if (!slow.hangs) return slow.file;
    if (performance.now() >= end) throw serverHangs(slow.file);
    await sleep(200);
  }
}
