// Archives that somebody changed and sealed again: what a check must see without the seal's help.
import { readFileSync, writeFileSync } from "node:fs";

import { sha256Hex } from "@ossaat/contracts";
import type { ArchiveManifest } from "@ossaat/contracts";
import { packTar, unpackTar } from "modern-tar";

export type ArchiveParts = { manifest: ArchiveManifest; entries: Map<string, Buffer> };

/** Changes the parts in place. */
export type Forge = (parts: ArchiveParts) => void;

type Row = Record<string, unknown>;

export type ForgedRows = { plan: Row; steps: Row[]; approvals: Row[]; needs: Row[]; attempts: Row[] };

/** A forgery of rows alone. */
export const editRows = (edit: (rows: ForgedRows) => void): Forge => editStory((rows) => edit(rows));

/** A forgery of rows, and of the events that tell of them. */
export function editStory(edit: (rows: ForgedRows, events: Row[]) => void): Forge {
  return ({ manifest, entries }) => {
    const rows = JSON.parse(entries.get("rows.json")?.toString() ?? "") as ForgedRows;
    const lines = (entries.get("events.jsonl")?.toString() ?? "").split("\n").slice(0, -1);
    const events = lines.map((line) => JSON.parse(line) as Row);
    edit(rows, events);
    manifest.events = events.length;
    entries.set("rows.json", Buffer.from(JSON.stringify(rows)));
    entries.set("events.jsonl", Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join("")));
  };
}

const attributes = { mtime: new Date(0), mode: 0o600, uid: 0, gid: 0, uname: "", gname: "" };

async function tarOf(parts: readonly [string, Buffer][]): Promise<Buffer> {
  const entries = parts.map(([name, body]) => ({ header: { name, size: body.length, ...attributes }, body }));
  return Buffer.from(await packTar(entries));
}

/** Writes to `target` an archive with a true seal over what was made of the parts of `source`; gives `target`. */
export async function forgeArchive(
  source: string,
  target: string,
  { forge, resum = true }: { forge: Forge; resum?: boolean },
): Promise<string> {
  const unpacked = await unpackTar(readFileSync(source));
  const entries = new Map(unpacked.map(({ header, data }) => [header.name, Buffer.from(data ?? [])]));
  const manifest = JSON.parse(entries.get("manifest.json")?.toString() ?? "") as ArchiveManifest;
  entries.delete("manifest.json");
  entries.delete("archive.sha256");
  forge({ manifest, entries });
  if (resum) {
    manifest.entries = [...entries].map(([name, data]) => ({ name, bytes: data.length, sha256: sha256Hex(data) }));
  }
  const all: [string, Buffer][] = [["manifest.json", Buffer.from(JSON.stringify(manifest))], ...entries];
  const sealed = (await tarOf(all)).subarray(0, -1_024);
  const seal = await tarOf([["archive.sha256", Buffer.from(`${sha256Hex(sealed)}\n`)]]);
  writeFileSync(target, Buffer.concat([sealed, seal]));
  return target;
}
