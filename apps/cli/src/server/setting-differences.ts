// In what a running server differs from the settings of a command. Fingerprints are compared, never values.
import { AgentError } from "@ossaat/contracts/errors";

import { provedNames, queueName, settingProofs, storeName } from "../config.ts";
import type { Config } from "../config.ts";
import type { ServerFile } from "./server-file.ts";

/** Names of variables, and of the rules, by what differs. */
export type SettingDifferences = {
  /** Set here, not known to the server. */
  missing: string[];
  /** Set at both, to different values. */
  changed: string[];
  /** Known to the server, not set here: it goes on using them. */
  kept: string[];
};

/** What a running server says of its settings. */
type Proved = Pick<ServerFile, "settingProofs" | "token">;

export function settingDifferences(config: Config, { settingProofs: theirs, token }: Proved): SettingDifferences {
  const names = provedNames(config);
  const own = settingProofs(config, token);
  const missing = names.filter((name) => theirs[name] === undefined);
  return {
    missing,
    changed: names.filter((name) => !missing.includes(name) && theirs[name] !== own[name]),
    // Store and queue have refusals of their own.
    kept: Object.keys(theirs).filter((name) => name !== storeName && name !== queueName && !names.includes(name)),
  };
}

/** Which of store and queue a running server has elsewhere; one that says nothing of them is older, and told by that. */
export function otherBackends(config: Config, { settingProofs: theirs, token }: Proved): string[] {
  const own = settingProofs(config, token);
  return [storeName, queueName].filter((name) => theirs[name] !== undefined && theirs[name] !== own[name]);
}

/**
 * Nobody's plans may seem gone because the server changed its database in silence, and no message may lie
 * with a broker that nobody asks any more.
 * @throws AgentError conflict
 */
export function requireSameBackends(config: Config, file: Proved & Pick<ServerFile, "pid">): void {
  const [other] = otherBackends(config, file);
  if (other === undefined) return;
  const isStore = other === storeName;
  const own = isStore ? config.store : config.queue?.url;
  const named = own ?? (isStore ? "the file in the state folder" : "the database");
  const does = isStore ? `keeps its plans elsewhere than in ${named}` : `has its jobs carried by another than ${named}`;
  const variable = isStore ? "OSSAAT_STORE" : "OSSAAT_QUEUE";
  // Its address is known to the server alone: here is a fingerprint of it.
  const next =
    own === undefined
      ? `name the server's here, without a password: \`export ${variable}=ADDRESS\` or \`ossaat config set ${other} ADDRESS\`; or \`ossaat down\`, to begin with ${named}`
      : `\`ossaat down\`, to begin with ${named}; or leave the server as it is: \`ossaat config explain ${other}\` says who names another here`;
  throw new AgentError("conflict", `The running server (pid ${file.pid}) ${does}.`, {
    details: { reason: isStore ? "other_store" : "other_queue", next },
  });
}

/** What a person should know of variables that only the server has. */
export function keptNotice(kept: readonly string[]): string | undefined {
  if (kept.length === 0) return undefined;
  const [which, them] = kept.length === 1 ? ["is", "it"] : ["are", "them"];
  return `The running server still uses ${kept.join(" and ")}, which ${which} not set in this shell. Next: \`ossaat down\` ends it; the next command starts one without ${them}.`;
}
