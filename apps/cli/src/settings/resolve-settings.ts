// From layers to one value a setting, with where it came from and what it won over. Pure.
import { layerNames } from "./setting.ts";
import type { LayerName } from "./setting.ts";
import { settingKeys, settingOf } from "./setting-table.ts";
import type { SettingKey, SettingValue } from "./setting-table.ts";

/** A value in one layer; `where` names flag, variable or file with line. */
export type Given = { value: unknown; where: string };
export type Layers = Partial<Record<LayerName, ReadonlyMap<SettingKey, Given>>>;

export type Origin = { layer: LayerName | "runMode"; where: string };
export type Overridden = Origin & { value: unknown; why: string };
export type ResolvedSetting = {
  key: SettingKey;
  /** Absent = no value; the setting's `defaultText` holds. */
  value?: unknown;
  origin: Origin;
  /** File and line of the lock; lower layers cannot widen the value. */
  lockedBy?: string;
  overridden: Overridden[];
};

export type ResolvedSettings = ReadonlyMap<SettingKey, ResolvedSetting>;

export type ResolveOptions = {
  layers: Layers;
  /** By setting: file and line that lock it to the system's value. */
  locked: ReadonlyMap<SettingKey, string>;
  /** The person trusts the project's file as it is now. */
  isProjectTrusted: boolean;
};

const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right);

function replace(current: ResolvedSetting, next: Given & { layer: LayerName }, why: string): ResolvedSetting {
  const { value, layer, where } = next;
  const before =
    current.value === undefined ? [] : [{ ...current.origin, value: current.value, why } satisfies Overridden];
  return { ...current, value, origin: { layer, where }, overridden: [...before, ...current.overridden] };
}

function pass(current: ResolvedSetting, given: Given, layer: LayerName, why: string): ResolvedSetting {
  return { ...current, overridden: [{ layer, where: given.where, value: given.value, why }, ...current.overridden] };
}

/** A project narrows; what would widen is passed over. */
function withProject(current: ResolvedSetting, given: Given, isTrusted: boolean): ResolvedSetting {
  const setting = settingOf(current.key);
  if (setting.project === "trusted" && !isTrusted) {
    return pass(current, given, "project", "inert: the file is not trusted (ossaat config trust)");
  }
  if (setting.narrow === undefined || current.value === undefined) {
    return replace(current, { ...given, layer: "project" }, "overridden");
  }
  const narrowed = setting.narrow(current.value, given.value);
  if (same(narrowed, current.value)) {
    const why = same(given.value, current.value) ? "the same" : "a project may only narrow";
    return pass(current, given, "project", why);
  }
  return replace(current, { ...given, value: narrowed, layer: "project" }, "narrowed by the project");
}

/** The administrator's value wins; where a setting has a direction, a stricter one below it stays. */
function withLock(current: ResolvedSetting, given: Given, lockedBy: string): ResolvedSetting {
  const setting = settingOf(current.key);
  const locked = { ...current, lockedBy };
  const value = setting.narrow?.(given.value, current.value) ?? given.value;
  if (same(value, current.value)) return locked;
  return replace(locked, { ...given, value, layer: "system" }, `locked by ${lockedBy}`);
}

function resolveOne(key: SettingKey, { layers, locked, isProjectTrusted }: ResolveOptions): ResolvedSetting {
  const setting = settingOf(key);
  let current: ResolvedSetting = { key, origin: { layer: "default", where: "default" }, overridden: [] };
  if (setting.default !== undefined) current = { ...current, value: setting.default };
  for (const layer of layerNames.toReversed()) {
    const given = layers[layer]?.get(key);
    if (given === undefined) continue;
    if (layer === "project") current = withProject(current, given, isProjectTrusted);
    else current = replace(current, { ...given, layer }, "overridden");
  }
  const lockedBy = locked.get(key);
  const given = layers.system?.get(key);
  return lockedBy === undefined || given === undefined ? current : withLock(current, given, lockedBy);
}

/** What the run mode demands, whoever set the rest. */
function withRunMode(settings: Map<SettingKey, ResolvedSetting>): void {
  const mode = settings.get("runMode");
  const sandbox = settings.get("sandbox.required");
  if (mode?.value !== "enterprise" || sandbox === undefined || sandbox.value === true) return;
  const before = { ...sandbox.origin, value: sandbox.value, why: "runMode enterprise demands the sandbox" };
  settings.set("sandbox.required", {
    ...sandbox,
    value: true,
    origin: { layer: "runMode", where: `runMode enterprise (${mode.origin.where})` },
    overridden: [before, ...sandbox.overridden],
  });
}

export function resolveSettings(options: ResolveOptions): ResolvedSettings {
  const settings = new Map(settingKeys.map((key) => [key, resolveOne(key, options)]));
  withRunMode(settings);
  return settings;
}

/** The value of a setting; undefined when it has none. */
export function valueOf<K extends SettingKey>(settings: ResolvedSettings, key: K): SettingValue<K> | undefined {
  return settings.get(key)?.value as SettingValue<K> | undefined;
}

/** What a person typed or exported and a lock took away, one sentence each. */
export function lockNotices(settings: ResolvedSettings): string[] {
  return [...settings.values()].flatMap(({ key, value, lockedBy, overridden }) => {
    const [lost] = overridden;
    const isPersons = lost?.layer === "flag" || lost?.layer === "env";
    if (lockedBy === undefined || !isPersons || !lost.why.startsWith("locked")) return [];
    return [`${lost.where} has no effect: ${key} is ${JSON.stringify(value)}, locked by ${lockedBy}.`];
  });
}
