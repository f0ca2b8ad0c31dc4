// Gathers the layers: flags, environment, the files of project, user and administrator.
import { shownText } from "./setting.ts";
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import type { Budget } from "@ossaat/contracts";
import { AgentError } from "@ossaat/contracts/errors";

import { resolveSettings, valueOf } from "./resolve-settings.ts";
import type { Given, Layers, ResolvedSettings } from "./resolve-settings.ts";
import { settingKeys, settingOf } from "./setting-table.ts";
import type { SettingKey } from "./setting-table.ts";
import { readSettingsFile } from "./settings-file.ts";
import type { SettingsFile } from "./settings-file.ts";
import { isTrusted } from "./trust.ts";

const fileName = "ossaat.yaml";
const defaultSystemFile = `/etc/ossaat/${fileName}`;

export type LoadOptions = {
  environment: NodeJS.ProcessEnv;
  flags?: Readonly<Record<string, unknown>>;
  folder?: string;
  systemFile?: string;
  /** Note what cannot be read and go on without it, for a command that tells what is wrong. */
  isForgiving?: boolean;
};

/** Rules a server enforces for every project it serves. */
type ServerRules = {
  runMode: "consumer" | "enterprise";
  allowedModels?: readonly string[];
  isSandboxRequired: boolean;
  /** Caps that the administrator locked; absent = none. */
  budgetCaps?: Budget;
};

export type LoadedSettings = {
  settings: ResolvedSettings;
  /** Settings that a flag of this command names. */
  flagKeys: ReadonlySet<SettingKey>;
  serverRules: ServerRules;
  /** Where each file is or would be; no project outside of a repository. */
  files: { system: string; user: string; project?: string };
  trustFile: string;
  /** What was passed over, with `isForgiving`. */
  problems: AgentError[];
  project?: { text: string; isTrusted: boolean };
};

/** Folder and file of the person's own settings. */
export function settingPaths(environment: NodeJS.ProcessEnv): { userFolder: string; user: string; trust: string } {
  const home = environment["HOME"] ?? os.homedir();
  const userFolder = path.join(environment["XDG_CONFIG_HOME"] ?? path.join(home, ".config"), "ossaat");
  return { userFolder, user: path.join(userFolder, fileName), trust: path.join(userFolder, "trusted.json") };
}

/** The file beside the nearest `.git`, whether it exists or not. */
function projectFile(folder: string | undefined): string | undefined {
  if (folder === undefined) return undefined;
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    if (existsSync(path.join(at, ".git"))) return path.join(at, fileName);
    if (at === path.dirname(at)) return undefined;
  }
}

function readText(key: SettingKey, where: string, text: unknown): Given {
  const setting = settingOf(key);
  const value = setting.read(text);
  if (value !== undefined) return { value, where };
  throw new AgentError("invalid_input", `${where} takes ${setting.takes}, not ${shownText(text)}.`, {
    details: { next: `ossaat config explain ${key}` },
  });
}

/** `--max-cost` is `maxCost` among the options of a command. */
function optionName(flag: string): string {
  return flag.slice(2).replaceAll(/-(.)/g, (_match, letter: string) => letter.toUpperCase());
}

function flagLayer(flags: Readonly<Record<string, unknown>>): Map<SettingKey, Given> {
  const layer = new Map<SettingKey, Given>();
  for (const key of settingKeys) {
    const { flag } = settingOf(key);
    const text = flag === undefined ? undefined : flags[optionName(flag)];
    if (flag !== undefined && text !== undefined) layer.set(key, readText(key, flag, text));
  }
  return layer;
}

function envLayer(environment: NodeJS.ProcessEnv): Map<SettingKey, Given> {
  const layer = new Map<SettingKey, Given>();
  for (const key of settingKeys) {
    const name = settingOf(key).env?.find((candidate) => environment[candidate] !== undefined);
    if (name !== undefined) layer.set(key, readText(key, name, environment[name]));
  }
  return layer;
}

function serverRulesOf(layers: Layers, locked: ReadonlyMap<SettingKey, string>): ServerRules {
  const { env, user, system } = layers;
  const own: Layers = { ...(env && { env }), ...(user && { user }), ...(system && { system }) };
  const settings = resolveSettings({ layers: own, locked, isProjectTrusted: false });
  const allowedModels = valueOf(settings, "models.allowed");
  return {
    runMode: valueOf(settings, "runMode") ?? "consumer",
    ...(allowedModels === undefined ? {} : { allowedModels }),
    isSandboxRequired: valueOf(settings, "sandbox.required") ?? false,
    ...lockedCaps(system ?? new Map<SettingKey, Given>(), locked),
  };
}

/** Only locks bind whoever calls the server; other caps are what a person's own commands ask for. */
function lockedCaps(
  system: ReadonlyMap<SettingKey, Given>,
  locked: ReadonlyMap<SettingKey, string>,
): { budgetCaps?: Budget } {
  const entries = (["maxCostUsd", "maxTokens", "maxMinutes"] as const).flatMap((name) => {
    const value = locked.has(`budget.${name}`) ? system.get(`budget.${name}`)?.value : undefined;
    return typeof value === "number" ? [[name, value] as const] : [];
  });
  return entries.length === 0 ? {} : { budgetCaps: Object.fromEntries(entries) };
}

function projectOf(project: SettingsFile | undefined, trustFile: string): LoadedSettings["project"] {
  return project === undefined ? undefined : { text: project.text, isTrusted: isTrusted(trustFile, project) };
}

/** @throws AgentError invalid_input naming variable, flag, or file and line */
export async function loadSettings(options: LoadOptions): Promise<LoadedSettings> {
  const { environment, flags = {}, folder, systemFile = defaultSystemFile } = options;
  const paths = settingPaths(environment);
  const projectPath = projectFile(folder);
  const problems: AgentError[] = [];
  const attempt = async <T>(read: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (options.isForgiving !== true || !(error instanceof AgentError)) throw error;
      problems.push(error);
      return undefined;
    }
  };
  const none: ReadonlyMap<SettingKey, Given> = new Map();
  const system = await attempt(() => readSettingsFile(systemFile, "system"));
  const user = await attempt(() => readSettingsFile(paths.user, "user"));
  const project = projectPath === undefined ? undefined : await attempt(() => readSettingsFile(projectPath, "project"));
  const trust = projectOf(project, paths.trust);
  const flagged = (await attempt(() => flagLayer(flags))) ?? none;
  const layers: Layers = {
    flag: flagged,
    env: (await attempt(() => envLayer(environment))) ?? none,
    ...(project && { project: project.values }),
    ...(user && { user: user.values }),
    ...(system && { system: system.values }),
  };
  const locked = system?.locked ?? new Map<SettingKey, string>();
  return {
    settings: resolveSettings({ layers, locked, isProjectTrusted: trust?.isTrusted === true }),
    flagKeys: new Set(flagged.keys()),
    serverRules: serverRulesOf(layers, locked),
    files: { system: systemFile, user: paths.user, ...(projectPath === undefined ? {} : { project: projectPath }) },
    trustFile: paths.trust,
    problems,
    ...(trust === undefined ? {} : { project: trust }),
  };
}
