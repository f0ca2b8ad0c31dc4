// Synthetic repositories, the same in every run: a small one, and large ones that are made once and
// kept in the user's cache.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { benchCache } from "./server-process.ts";

/** Part of the name in the cache: another one when the content changes. */
const version = 1;
const filesPerFolder = 40;
const functionsPerFile = 6;

const nouns = ["invoice", "order", "parcel", "account", "ledger", "session", "profile", "ticket", "booking", "message"];
const verbs = ["parse", "round", "merge", "validate", "format", "collect", "archive", "restore", "split", "compare"];
const kinds = ["amount", "address", "history", "header", "summary", "limit", "status", "total", "window", "label"];

function pick(words: readonly string[], n: number): string {
  return words[n % words.length] ?? "";
}

function capital(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

function functionText(file: number, index: number): string {
  const n = file * functionsPerFile + index;
  const noun = pick(nouns, n);
  const kind = pick(kinds, Math.floor(n / nouns.length));
  const name = `${pick(verbs, file + index)}${capital(noun)}${capital(kind)}${n}`;
  return `/** Takes the ${kind} of one ${noun}; a ${noun} without one counts as empty. */
export function ${name}(${noun}: readonly number[], ${kind} = ${n % 97}): number {
  const known = ${noun}.filter((value) => value !== ${kind});
  return known.reduce((sum, value) => sum + value * ${(n % 13) + 1}, ${kind});
}
`;
}

function filePath(n: number): string {
  const folder = Math.floor(n / filesPerFolder);
  const area = pick(nouns, folder);
  return `src/${area}/part${Math.floor(folder / nouns.length)}/${pick(verbs, n)}-${pick(kinds, Math.floor(n / 10))}-${n}.ts`;
}

function fileText(n: number): string {
  const parts = Array.from({ length: functionsPerFile }, (_, index) => functionText(n, index));
  return `// ${capital(pick(nouns, n))} ${pick(kinds, n)}, part ${n}.\n${parts.join("\n")}`;
}

const rootFiles: Readonly<Record<string, string>> = {
  "package.json": `{ "name": "synthetic", "type": "module", "scripts": { "test": "node --test" } }\n`,
  "README.md": "# Synthetic\n\nInvoices, orders and parcels.\n",
};

function* fastImport(count: number): Generator<string> {
  yield "commit refs/heads/main\ncommitter Bench <bench@localhost> 1767225600 +0000\ndata 5\nFirst\n";
  const entries: [string, string][] = Object.entries(rootFiles);
  for (const [name, text] of entries) yield importFile(name, text);
  for (let n = 0; n < count - entries.length; n += 1) yield importFile(filePath(n), fileText(n));
  yield "done\n";
}

function importFile(name: string, text: string): string {
  return `M 100644 inline ${name}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
}

const identity = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"];

export function git(folder: string, args: readonly string[], input?: string): string {
  return execFileSync("git", ["-C", folder, ...identity, ...args], {
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
    input: input ?? "",
    maxBuffer: 256 * 1024 * 1024,
  }).trimEnd();
}

/** A repository of `count` files with a checkout, made when it is not in the cache. Not to be written to. */
export function largeRepository(count: number): string {
  const folder = path.join(benchCache, `repository-${version}-${count}`);
  if (existsSync(folder)) return folder;
  const temporary = `${folder}.${process.pid}.tmp`;
  mkdirSync(temporary, { recursive: true });
  git(temporary, ["init", "--quiet", "--initial-branch=main"]);
  git(temporary, ["fast-import", "--quiet", "--done"], [...fastImport(count)].join(""));
  git(temporary, ["reset", "--quiet", "--hard", "main"]);
  try {
    renameSync(temporary, folder);
  } catch (error) {
    // Another run was quicker.
    if (!existsSync(folder)) throw error;
    rmSync(temporary, { recursive: true });
  }
  return folder;
}

/** A repository of a few files in `parent`. */
export function smallRepository(parent: string): string {
  const folder = path.join(parent, "repository");
  mkdirSync(path.join(folder, "src"), { recursive: true });
  git(folder, ["init", "--quiet", "--initial-branch=main"]);
  for (const [name, text] of Object.entries(rootFiles)) writeFileSync(path.join(folder, name), text);
  for (let n = 0; n < 5; n += 1) writeFileSync(path.join(folder, "src", `part-${n}.ts`), fileText(n));
  git(folder, ["add", "--all"]);
  git(folder, ["commit", "--quiet", "--message=First"]);
  return folder;
}
