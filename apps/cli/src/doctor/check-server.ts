// The embedded server, or the one that the settings name.
import { existsSync } from "node:fs";
import path from "node:path";

import type { Config } from "../config.ts";
import { connect, runningClient } from "../server/connect.ts";
import { findLivingServer } from "../server/hung-server.ts";
import { readServerFile } from "../server/server-file.ts";
import { otherBackends, settingDifferences } from "../server/setting-differences.ts";
import { version } from "../version.ts";
import { fail, failOf, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { doctorLimits } from "./limits.ts";

async function checkRemote(config: Config, url: string): Promise<Finding> {
  try {
    const { client } = await connect(config);
    const status = await client.status();
    const [away] = [status.toolRunner, status.workers].filter((part) => part !== undefined);
    if (away !== undefined) return fail("server", `${url}: ${away.detail}`, away.next);
    if (status.version === version) return ok("server", `${url}, version ${status.version}`);
    return warn("server", `${url} runs version ${status.version}, this is ${version}.`, "update the older of both");
  } catch (error) {
    const found = failOf("server", error, `start the server at ${url}, or \`ossaat config unset server.url\``);
    return { ...found, message: `${url}: ${found.message}` };
  }
}

/** Difference between the server's clock and this one, where the server is another machine. */
async function checkRemoteClock(url: string): Promise<Finding[]> {
  const asked = Date.now();
  const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(doctorLimits.onlineMs) }).catch(
    () => undefined,
  );
  const theirs = Date.parse(response?.headers.get("date") ?? "");
  const skew = Math.abs(theirs - (asked + Date.now()) / 2);
  if (!(skew > doctorLimits.maxSkewMs)) return [];
  const text = `It differs from the server's by ${Math.round(skew / 1000)} s.`;
  return [warn("server clock", text, "timedatectl set-ntp true")];
}

async function checkEmbedded(config: Config): Promise<Finding> {
  const file = readServerFile(config.stateDir);
  if (file === undefined) {
    const isBroken = existsSync(path.join(config.stateDir, "server.json"));
    if (!isBroken) return ok("server", "not running; the next command starts it");
    return warn("server", "server.json cannot be read.", `rm ${path.join(config.stateDir, "server.json")}`);
  }
  const living = await findLivingServer(config);
  if (living === undefined) {
    const text = `It ended without a word (pid ${file.pid}); plans resume at the next start.`;
    return warn("server", text, "ossaat up -d");
  }
  if (living.hangs) return fail("server", `The server (pid ${file.pid}) lives but does not answer.`, "ossaat down");
  const status = await runningClient(config).status();
  if (status.version !== version) {
    return warn("server", `It runs version ${status.version}, this is ${version}.`, "ossaat down");
  }
  const { missing, changed, kept } = settingDifferences(config, file);
  const other = [...missing, ...changed, ...otherBackends(config, file)];
  if (other.length > 0) return warn("server", `It was started with another ${other.join(", ")}.`, "ossaat down");
  if (kept.length > 0) {
    return warn("server", `It was started with ${kept.join(", ")}, not set in this shell.`, "ossaat down");
  }
  return ok("server", `${file.url}, version ${status.version}, pid ${file.pid}`);
}

/** Whether one answers, fits this version and these settings. */
export async function checkServer(config: Config): Promise<Finding[]> {
  const { remote } = config;
  if (remote === undefined) {
    return [await checkEmbedded(config).catch((error: unknown) => failOf("server", error, "ossaat down"))];
  }
  return [await checkRemote(config, remote.url), ...(await checkRemoteClock(remote.url))];
}
