// The files of one chaos run: a repository, the server's state folder, the model's script and the
// logs that the oracle reads.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { EffectLine, RequestLine } from "../oracle/check-effects.ts";
import type { CheckoutFacts } from "../oracle/git-state.ts";
import { readCheckout } from "../oracle/git-state.ts";
import type { ScriptEntry } from "./plan-shape.ts";

/** Takes effect: waits, then appends one line. A single short append is whole or absent. */
const effectProgram = '#!/bin/sh\nsleep "$5"\nprintf \'%s %s %s\\n\' "$2" "$3" "$4" >>"$1"\n';

export const baseFiles: Readonly<Record<string, string>> = { "README.md": "# demo", effect: effectProgram.trimEnd() };

const author = { name: "Ann", email: "ann@localhost" };
const gitEnvironment = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: author.name,
  GIT_AUTHOR_EMAIL: author.email,
  GIT_COMMITTER_NAME: author.name,
  GIT_COMMITTER_EMAIL: author.email,
};

export type World = {
  folder: string;
  stateDir: string;
  cacheDir: string;
  repository: string;
  base: string;
  checkout: CheckoutFacts;
  effectLog: string;
  requestLog: string;
  reachedFile: string;
  serverLog: string;
  /** Writes the model's script and returns the model's name. */
  writeModel(replies: readonly ScriptEntry[]): string;
  effects(): EffectLine[];
  requests(): RequestLine[];
  /** Failpoints that were reached so far, as `name hit`. */
  reached(): Set<string>;
  remove(): void;
};

function readLines(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

function makeRepository(folder: string): string {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, ...args], { env: gitEnvironment, encoding: "utf8" }).trim();
  mkdirSync(folder);
  for (const [name, text] of Object.entries(baseFiles)) {
    writeFileSync(path.join(folder, name), `${text}\n`, { mode: name === "effect" ? 0o755 : 0o644 });
  }
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-q", "-m", "Start");
  return git("rev-parse", "HEAD");
}

/** @param parent folder in which the world is made; absent = the machine's folder for temporary files */
export function createWorld(parent: string = tmpdir()): World {
  const folder = mkdtempSync(path.join(parent, "ossaat-chaos-"));
  const at = (name: string) => path.join(folder, name);
  const base = makeRepository(at("repository"));
  const world = {
    folder,
    stateDir: at("state"),
    cacheDir: at("cache"),
    repository: at("repository"),
    base,
    checkout: readCheckout(at("repository")),
    effectLog: at("effects.log"),
    requestLog: at("requests.jsonl"),
    reachedFile: at("reached.log"),
    serverLog: at("server.log"),
  };
  mkdirSync(world.stateDir, { mode: 0o700 });
  return {
    ...world,
    writeModel(replies) {
      writeFileSync(at("script.json"), JSON.stringify({ schemaVersion: 1, replies }));
      return `scripted:${at("script.json")}`;
    },
    effects: () =>
      readLines(world.effectLog).map((line) => {
        const [planId = "", stepId = "", callId = ""] = line.split(" ");
        return { planId, stepId, callId };
      }),
    requests: () => readLines(world.requestLog).map((line) => JSON.parse(line) as RequestLine),
    reached: () => new Set(readLines(world.reachedFile)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
