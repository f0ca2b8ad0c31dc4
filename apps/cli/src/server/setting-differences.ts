// In what a running server differs from the settings of a command. Fingerprints are compared, never values.
import { provedNames, settingProofs, storeName } from "../config.ts";
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

export function settingDifferences(
  config: Config,
  { settingProofs: theirs, token }: Pick<ServerFile, "settingProofs" | "token">,
): SettingDifferences {
  const names = provedNames(config);
  const own = settingProofs(config, token);
  const missing = names.filter((name) => theirs[name] === undefined);
  return {
    missing,
    changed: names.filter((name) => !missing.includes(name) && theirs[name] !== own[name]),
    // The store has a refusal of its own.
    kept: Object.keys(theirs).filter((name) => name !== storeName && !names.includes(name)),
  };
}

/** What a person should know of variables that only the server has. */
export function keptNotice(kept: readonly string[]): string | undefined {
  if (kept.length === 0) return undefined;
  const [which, them] = kept.length === 1 ? ["is", "it"] : ["are", "them"];
  return `The running server still uses ${kept.join(" and ")}, which ${which} not set in this shell. Next: \`ossaat down\` ends it; the next command starts one without ${them}.`;
}
