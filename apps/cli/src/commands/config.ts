// `ossaat config list`, `get` and `explain`: what holds, and why.
import { AgentError } from "@ossaat/contracts/errors";

import type { CommandContext } from "../command-context.ts";
import { closestName } from "../program/closest-name.ts";
import type { Overridden, ResolvedSetting } from "../settings/resolve-settings.ts";
import { isSettingKey, settingKeys, settingOf } from "../settings/setting-table.ts";
import type { SettingKey } from "../settings/setting-table.ts";
import { escapeLine } from "../terminal/escape.ts";

/** The key a person means. @throws AgentError invalid_input that names the nearest one */
export function requireKey(text: string): SettingKey {
  if (isSettingKey(text)) return text;
  const near = closestName(text, settingKeys);
  throw new AgentError(
    "invalid_input",
    `There is no setting ${JSON.stringify(text)}.${near === undefined ? "" : ` Did you mean ${near}?`}`,
    { details: { next: near === undefined ? "ossaat config list" : `ossaat config explain ${near}` } },
  );
}

function requireSetting(context: CommandContext, key: SettingKey): ResolvedSetting {
  const setting = context.config.loaded.settings.get(key);
  if (setting === undefined) throw new AgentError("internal", `The setting ${key} was not resolved.`);
  return setting;
}

/** A value as it would be written into a file. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "(none)" : value.join(", ");
  return escapeLine(String(value));
}

function effectiveText({ key, value }: ResolvedSetting): string {
  return value === undefined ? `(${settingOf(key).defaultText ?? "none"})` : valueText(value);
}

function originText({ origin, lockedBy }: ResolvedSetting): string {
  const layer =
    origin.layer === "default" || origin.layer === "runMode" ? origin.where : `${origin.layer} ${origin.where}`;
  return `${layer}${lockedBy === undefined ? "" : ` (locked by ${lockedBy})`}`;
}

export function listSettings(flags: { showOrigin?: boolean }, context: CommandContext): Promise<number> {
  const { output } = context;
  const settings = settingKeys.map((key) => requireSetting(context, key));
  if (output.format === "json") output.json({ schemaVersion: 1, settings });
  else if (output.format === "ndjson") for (const setting of settings) output.json({ schemaVersion: 1, ...setting });
  else {
    const width = Math.max(...settingKeys.map((key) => key.length));
    const rows = settings.map((setting) => ({
      setting,
      line: `${setting.key.padEnd(width)}  ${effectiveText(setting)}`,
    }));
    for (const { setting, line } of rows) {
      output.print(flags.showOrigin === true ? `${line}  [${originText(setting)}]` : line);
    }
  }
  return Promise.resolve(0);
}

export function getSetting(text: string, context: CommandContext): Promise<number> {
  const { output } = context;
  const setting = requireSetting(context, requireKey(text));
  if (output.format !== "text") output.json({ schemaVersion: 1, ...setting });
  else if (setting.value !== undefined) output.print(valueText(setting.value));
  else output.note(`${setting.key} has no value: ${settingOf(setting.key).defaultText ?? "none"}.`);
  return Promise.resolve(0);
}

const projectTexts = {
  narrow: "may make it stricter",
  trusted: "may set it once you trust the file (ossaat config trust)",
  never: "may not set it",
} as const;

function overriddenText({ layer, where, value, why }: Overridden): string {
  const place = layer === "default" || layer === "runMode" ? where : `${layer} ${where}`;
  return `  ${valueText(value)}  from ${place}: ${why}`;
}

function explanation(setting: ResolvedSetting): string[] {
  const { key, overridden } = setting;
  const entry = settingOf(key);
  return [
    key,
    `Meaning  ${entry.meaning}`,
    `Takes    ${entry.takes}`,
    `Default  ${entry.default === undefined ? (entry.defaultText ?? "none") : valueText(entry.default)}`,
    `Value    ${effectiveText(setting)}`,
    `Origin   ${originText(setting)}`,
    ...(entry.flag === undefined ? [] : [`Flag     ${entry.flag}`]),
    ...(entry.env === undefined ? [] : [`Variable ${entry.env.join(", ")}`]),
    `Project  ossaat.yaml of a repository ${projectTexts[entry.project]}`,
    ...(overridden.length === 0 ? [] : ["Won over", ...overridden.map(overriddenText)]),
  ];
}

export function explainSetting(text: string, context: CommandContext): Promise<number> {
  const { output } = context;
  const key = requireKey(text);
  const setting = requireSetting(context, key);
  if (output.format === "text") output.print(explanation(setting).join("\n"));
  else {
    const { meaning, takes, default: value, defaultText, env = [], flag, project } = settingOf(key);
    output.json({ schemaVersion: 1, ...setting, meaning, takes, default: value, defaultText, env, flag, project });
  }
  return Promise.resolve(0);
}
