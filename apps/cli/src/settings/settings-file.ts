// Reads and changes ossaat.yaml: plain data, nested keys, every problem with file and line.
// Comments and order survive a change.
import { shownText } from "./setting.ts";
import { lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";
import type { Document, LineCounter, Node, YAMLMap } from "yaml";

import { closestName } from "../program/closest-name.ts";
import { isSettingKey, settingKeys, settingOf } from "./setting-table.ts";
import type { SettingKey } from "./setting-table.ts";

/** Bytes of a settings file: a hundred times what all settings need. */
const maxFileBytes = 256 * 1024;

export type FileValue = { value: unknown; where: string };

export type SettingsFile = {
  path: string;
  text: string;
  values: ReadonlyMap<SettingKey, FileValue>;
  /** Settings of the system's file that no other layer may change. */
  locked: ReadonlyMap<SettingKey, string>;
};

export type FileKind = "system" | "user" | "project";

type Reading = { file: string; kind: FileKind; lines: LineCounter };

function problem(
  where: string,
  message: string,
  next = "edit the file; `ossaat config list` then shows what holds",
): AgentError {
  return new AgentError("invalid_input", `${where}: ${message}`, { details: { next } });
}

function whereOf({ file, lines }: Reading, node: unknown): string {
  const range = (node as Node | null | undefined)?.range;
  return `${file}:${range === null || range === undefined ? 1 : lines.linePos(range[0]).line}`;
}

/** Text of the file; undefined when there is none. @throws AgentError invalid_input */
function readText(file: string, kind: FileKind): string | undefined {
  const status = (kind === "project" ? lstatSync : statSync)(file, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (!status.isFile()) throw problem(file, "it is not a regular file.", `rm ${file}`);
  if (status.size > maxFileBytes) throw problem(file, `it is larger than ${maxFileBytes} bytes.`, `wc -c ${file}`);
  if (kind === "system" && (status.mode & 0o022) !== 0) {
    throw problem(file, "everybody may write it, so nothing in it can be a rule.", `chmod go-w ${file}`);
  }
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new AgentError("invalid_input", `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "?"}).`, {
      details: { next: `chmod u+r ${file}` },
      cause: error,
    });
  }
}

function readValue(reading: Reading, key: SettingKey, node: Node | null): FileValue {
  const where = whereOf(reading, node);
  const setting = settingOf(key);
  if (reading.kind === "project" && setting.project === "never") {
    throw problem(where, `${key} cannot be set by a project.`, `remove it, or \`ossaat config set ${key} VALUE\``);
  }
  const raw = (node?.toJSON() as unknown) ?? undefined;
  const value = setting.read(raw);
  if (value !== undefined) return { value, where };
  throw problem(where, `${key} takes ${setting.takes}, not ${shownText(raw)}.`);
}

function unknownKey(reading: Reading, key: string, node: unknown): AgentError {
  const near = closestName(key, [...settingKeys, ...(reading.kind === "system" ? ["locked"] : [])]);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return problem(whereOf(reading, node), `there is no setting ${key}.${hint}`, "ossaat config list");
}

function collect(reading: Reading, map: YAMLMap<Node, Node | null>, prefix: string): Map<SettingKey, FileValue> {
  const values = new Map<SettingKey, FileValue>();
  for (const { key: keyNode, value: node } of map.items) {
    const key = `${prefix}${String(keyNode.toJSON())}`;
    if (key === "locked" && reading.kind === "system") continue;
    const isGroup = settingKeys.some((known) => known.startsWith(`${key}.`));
    if (isSettingKey(key)) values.set(key, readValue(reading, key, node));
    else if (isGroup && node !== null && "items" in node) {
      const group = node as YAMLMap<Node, Node | null>;
      for (const [inner, value] of collect(reading, group, `${key}.`)) values.set(inner, value);
    } else if (!isGroup) throw unknownKey(reading, key, keyNode);
    else if (node?.toJSON() !== undefined && node?.toJSON() !== null) {
      throw problem(whereOf(reading, node), `${key} holds settings: write them indented below it.`);
    }
  }
  return values;
}

function readLocks(reading: Reading, document: Document, values: ReadonlyMap<SettingKey, FileValue>) {
  const locks = new Map<SettingKey, string>();
  const node = document.get("locked", true) as Node | undefined;
  if (reading.kind !== "system" || node === undefined) return locks;
  const names: unknown = node.toJSON();
  const where = whereOf(reading, node);
  if (!Array.isArray(names)) throw problem(where, "locked takes a list of settings.");
  for (const name of names as unknown[]) {
    if (typeof name !== "string" || !isSettingKey(name)) throw unknownKey(reading, String(name), node);
    if (!values.has(name)) throw problem(where, `${name} is locked but has no value in this file.`);
    locks.set(name, values.get(name)?.where ?? where);
  }
  return locks;
}

async function parse(text: string, file: string, kind: FileKind): Promise<{ document: Document; reading: Reading }> {
  const { LineCounter, isScalar, parseDocument, visit } = await import("yaml");
  const lines = new LineCounter();
  const reading = { file, kind, lines };
  const options = { lineCounter: lines, prettyErrors: false, resolveKnownTags: false, uniqueKeys: true } as const;
  const document = parseDocument(text, { ...options, schema: "core", version: "1.2" }) as unknown as Document;
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const first = fault.message.split("\n")[0]?.replace(/\.$/, "") ?? "";
    throw problem(`${file}:${lines.linePos(fault.pos[0]).line}`, `not valid YAML: ${first}.`);
  }
  visit(document, {
    Alias: (_key, node) => {
      throw problem(whereOf(reading, node), "aliases (*name) are not allowed here.");
    },
    Pair: (_key, pair) => {
      if (!isScalar(pair.key)) throw problem(whereOf(reading, pair.key), "keys must be plain words.");
    },
  });
  return { document, reading };
}

/** The settings of a file; undefined when there is none. @throws AgentError invalid_input with file and line */
export async function readSettingsFile(file: string, kind: FileKind): Promise<SettingsFile | undefined> {
  const text = readText(file, kind);
  if (text === undefined) return undefined;
  const { document, reading } = await parse(text, file, kind);
  const { contents } = document;
  if (contents === null || contents.toJSON() === null)
    return { path: file, text, values: new Map(), locked: new Map() };
  if (!("items" in contents) || Array.isArray(contents.toJSON())) {
    throw problem(`${file}:1`, "it must hold settings, one a line: key: value.");
  }
  const values = collect(reading, contents as YAMLMap<Node, Node | null>, "");
  return { path: file, text, values, locked: readLocks(reading, document, values) };
}

/**
 * Writes one setting into a file, or removes it with `undefined`; the rest of the file, its
 * comments included, stays. Returns whether the file changed.
 */
export async function changeSettingsFile(
  file: string,
  kind: FileKind,
  { key, value }: { key: SettingKey; value: unknown },
): Promise<boolean> {
  const before = readText(file, kind) ?? "";
  const { document } = await parse(before, file, kind);
  const keyPath = key.split(".");
  if (value !== undefined) document.setIn(keyPath, value);
  else if (document.contents !== null && document.hasIn(keyPath)) removeSetting(document, keyPath);
  const after = document.contents === null ? "" : document.toString({ lineWidth: 0 });
  if (after === before || (value === undefined && before === "")) return false;
  writeAtomically(file, after);
  return true;
}

/** Takes groups that become empty along, so that no `budget: {}` stays behind. */
function removeSetting(document: Document, keyPath: readonly string[]): void {
  document.deleteIn(keyPath);
  for (let length = keyPath.length - 1; length > 0; length -= 1) {
    const group = document.getIn(keyPath.slice(0, length), true) as YAMLMap | undefined;
    if (group !== undefined && group.items.length > 0) return;
    document.deleteIn(keyPath.slice(0, length));
  }
}

function writeAtomically(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const exists = statSync(file, { throwIfNoEntry: false });
  // NOTE: a user's file may be a link into a folder of dot files; the link stays.
  const target = exists === undefined ? file : realpathSync(file);
  const temporary = `${target}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: exists === undefined ? 0o600 : exists.mode & 0o777 });
  renameSync(temporary, target);
}
