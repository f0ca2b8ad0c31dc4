// `ossaat config set`, `unset`, `trust` and `untrust`: changes of the settings files.
import { shownText } from "../settings/setting.ts";
import { AgentError } from "@ossaat/contracts/errors";

import type { CommandContext } from "../command-context.ts";
import { loadConfig } from "../config.ts";
import { settingOf } from "../settings/setting-table.ts";
import type { SettingKey } from "../settings/setting-table.ts";
import { changeSettingsFile, readSettingsFile } from "../settings/settings-file.ts";
import { setTrust } from "../settings/trust.ts";
import { requireKey } from "./config.ts";

export type LayerFlags = { user?: boolean; project?: boolean };

type Target = { file: string; kind: "user" | "project" };

function requireProject({ config, folder }: CommandContext): string {
  const { project } = config.loaded.files;
  if (project !== undefined) return project;
  throw new AgentError("invalid_input", `${folder} is not inside a git repository.`, {
    details: { next: "`git init`, or `ossaat -C REPOSITORY config set`" },
  });
}

function targetOf({ user, project }: LayerFlags, context: CommandContext): Target {
  if (user === true && project === true) {
    throw new AgentError("invalid_input", "--user and --project exclude each other.", {
      details: { next: "ossaat config set --user KEY VALUE" },
    });
  }
  if (project === true) return { file: requireProject(context), kind: "project" };
  return { file: context.config.loaded.files.user, kind: "user" };
}

/** Keeps a file trusted that its owner changes by this command. */
async function changeFile(
  context: CommandContext,
  { file, kind }: Target,
  change: { key: SettingKey; value: unknown },
) {
  const { project, trustFile } = context.config.loaded;
  const changed = await changeSettingsFile(file, kind, change);
  if (kind !== "project" || project?.isTrusted !== true) return changed;
  setTrust(trustFile, { path: file, text: (await readSettingsFile(file, kind))?.text });
  return changed;
}

type Change = { key: SettingKey; target: Target; changed: boolean; done: string };

async function report(context: CommandContext, { key, target, changed, done }: Change): Promise<number> {
  const { output, folder } = context;
  const { loaded } = await loadConfig({ folder });
  const now = loaded.settings.get(key);
  if (output.format !== "text") {
    output.json({ schemaVersion: 1, file: target.file, changed, setting: now });
    return 0;
  }
  output.note(changed ? done : `${target.file} says so already.`);
  const lost = now?.overridden.find(({ layer }) => layer === target.kind);
  if (lost !== undefined) {
    output.warn(
      `It has no effect here: ${now?.origin.where ?? ""} wins (${lost.why}).\nNext: ossaat config explain ${key}`,
    );
  } else if (key.startsWith("server.") || key.startsWith("telemetry.")) {
    output.note("A server that runs keeps its settings until it stops.\nNext: ossaat down");
  }
  return 0;
}

/** Writes a setting. @throws AgentError invalid_input (key, value, layer) */
export async function setSetting(
  input: { key: string; value: string },
  flags: LayerFlags,
  context: CommandContext,
): Promise<number> {
  const key = requireKey(input.key);
  const target = targetOf(flags, context);
  const setting = settingOf(key);
  if (target.kind === "project" && setting.project === "never") {
    throw new AgentError("invalid_input", `${key} cannot be set by a project.`, {
      details: { next: `ossaat config set ${key} ${JSON.stringify(input.value)}` },
    });
  }
  const value = setting.read(input.value);
  if (value === undefined) {
    throw new AgentError("invalid_input", `${key} takes ${setting.takes}, not ${shownText(input.value)}.`, {
      details: { next: `ossaat config explain ${key}` },
    });
  }
  const changed = await changeFile(context, target, { key, value });
  return report(context, { key, target, changed, done: `${key} is ${input.value} in ${target.file} now.` });
}

/** Removes a setting from a file. @throws AgentError invalid_input (key, layer) */
export async function unsetSetting(text: string, flags: LayerFlags, context: CommandContext): Promise<number> {
  const key = requireKey(text);
  const target = targetOf(flags, context);
  const changed = await changeFile(context, target, { key, value: undefined });
  return report(context, { key, target, changed, done: `${key} is gone from ${target.file}.` });
}

/** Trusts the project's file as it is now; it is shown, because that is what is trusted. */
export async function trustProject(context: CommandContext): Promise<number> {
  const { output, config } = context;
  const file = requireProject(context);
  const content = await readSettingsFile(file, "project");
  if (content === undefined) {
    throw new AgentError("not_found", `There is no ${file}.`, {
      details: { next: "ossaat config set --project model MODEL" },
    });
  }
  setTrust(config.loaded.trustFile, { path: file, text: content.text });
  if (output.format !== "text") output.json({ schemaVersion: 1, file, trusted: true });
  else output.note(`${file} is trusted as it is now; a change of it has to be trusted again.`);
  return 0;
}

export function untrustProject(context: CommandContext): Promise<number> {
  const { output, config } = context;
  const file = requireProject(context);
  setTrust(config.loaded.trustFile, { path: file, text: undefined });
  if (output.format !== "text") output.json({ schemaVersion: 1, file, trusted: false });
  else output.note(`${file} is not trusted: it can only narrow.`);
  return Promise.resolve(0);
}
