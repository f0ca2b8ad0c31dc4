// Bundles the CLI and the embedded server, each with the manifest by which it knows whether it is current.
import { readFileSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { rolldown } from "rolldown";
import type { InputOptions, OutputChunk, OutputOptions, Plugin } from "rolldown";

import { manifestName, otherPartsHook, serverManifestName, stampOf } from "../../apps/cli/src/bundle/manifest.ts";
import type { BundleManifest } from "../../apps/cli/src/bundle/manifest.ts";

const entry = "apps/cli/src/bundle/start.ts";
const serverEntry = "apps/cli/src/bundle/start-server.ts";
const entries = new Set([entry, serverEntry]);
/** What changes with an install; the packages themselves are not looked at one by one. */
const installed = ["pnpm-lock.yaml", "node_modules/.modules.yaml"];
/** What the answer to `--version` is made of. */
const versionFiles = [entry, "apps/cli/src/bundle/manifest.ts", "apps/cli/src/version.ts"];
/** A change time moves in steps of some milliseconds: a younger file could change within one, ms. */
const settleMs = 50;
/** Builds that stay: a command that runs may still load parts of the one it began with. */
const keptBuilds = 3;
/** What is looked for in the folder of all builds: by the launcher, and by a command that starts a server. */
const launched = { cli: "start.cjs", server: "server.cjs" };

/**
 * What the quick commands need in one file, because each file takes time to find; apart from what the
 * version is told by, which loads nothing else.
 */
const chunks = [
  { name: "version", test: /\/apps\/cli\/src\/version\.ts$/u, priority: 2 },
  { name: "common", test: /\/apps\/cli\/src\/(?:run-main|command-context|commands\/runs)\.ts$/u, priority: 1 },
] as const;

/** The parts that every command loads first; each other looks whether its sources are current before it runs. */
const firstParts: ReadonlySet<string> = new Set(["start", "rolldown-runtime", ...chunks.map(({ name }) => name)]);
const askHook = `globalThis[Symbol.for(${JSON.stringify(otherPartsHook)})]?.();`;

/** The parts of the server, which the CLI's bundle leaves out: as large as everything else together. */
const servers = /^@ossaat\/(?:orchestrator(?:\/postgres)?|tool-runner|indexer|gateway-api)$/u;
const sourcesOnly = "\0sources-only";

/** What commander starts programs with; it has none to start here, and loading it takes as long as a request. */
const lazyChildProcess = "\0lazy-child-process";
const lazySpawn = `export default { spawn: (...args) => process.getBuiltinModule("node:child_process").spawn(...args) };`;

/**
 * Node's own modules as default imports see them. The bundler's way copies every name of a module, which
 * takes a millisecond and more for the larger ones.
 */
const quickDefaults: Plugin = {
  name: "quick-defaults",
  renderChunk: (code) =>
    code.replaceAll(
      /\b(node_\w+) = (?:\w+\.)?\w+\(\1(?:, 1)?\);/gu,
      (_all, name: string) => `${name} = Object.create(${name}, { default: { value: ${name} } });`,
    ),
};

/** A module that runs the whole command from its sources instead, in the same process; it never returns. */
function runFromSources(main: string): string {
  const args = `[process.execPath, ...process.execArgv, ${JSON.stringify(main)}, ...process.argv.slice(2)]`;
  return `process.execve(process.execPath, ${args}, process.env);`;
}

/** Files whose content decides what a source below `root` does: where its imports lead to stands in the package's description. */
function filesOf(name: string): [source: string, description: string] {
  return [name, path.join(...name.split(path.sep).slice(0, 2), "package.json")];
}

/** The path below `root` of a module that is no package from elsewhere; undefined of any other. */
function ownName(root: string, id: string): string | undefined {
  const name = path.relative(root, id);
  return !id.startsWith("/") || name.startsWith("..") || name.includes("node_modules/") ? undefined : name;
}

/** Notes how each source was before it is read, and gives every module its own address in place of the bundle's. */
function sources(root: string, files: Map<string, string>): Plugin {
  const note = (name: string) => {
    const stamp = stampOf(path.join(root, name));
    if (stamp === undefined) throw new Error(`${name} is not there`);
    files.set(name, stamp);
  };
  for (const name of installed) note(name);
  return {
    name: "sources",
    load(id) {
      const name = ownName(root, id);
      if (name === undefined) return null;
      for (const file of filesOf(name)) note(file);
      return readFileSync(id, "utf8");
    },
    transform(code, id) {
      // The entries alone look where the bundle lies.
      if (entries.has(path.relative(root, id))) return null;
      return code
        .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
        .replaceAll("import.meta.dirname", JSON.stringify(path.dirname(id)));
    },
  };
}

/** Notes what each module imports at once. */
function imports(known: Map<string, readonly string[]>): Plugin {
  return {
    name: "imports",
    moduleParsed: ({ id, importedIds }) => {
      known.set(id, importedIds);
    },
  };
}

/** The modules and all that they import at once: a constant can be in a part whose list does not name its module. */
function withImports(ids: readonly string[], known: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set(ids);
  for (const id of found) for (const imported of known.get(id) ?? []) found.add(imported);
  return found;
}

/** What the CLI's bundle leaves out. */
function quickOnly(root: string): Plugin {
  return {
    name: "quick-only",
    resolveId(specifier, importer) {
      if (servers.test(specifier)) return sourcesOnly;
      const isCommander = importer?.includes("/node_modules/commander/") === true;
      return isCommander && specifier === "node:child_process" ? lazyChildProcess : null;
    },
    load(id) {
      if (id === lazyChildProcess) return lazySpawn;
      return id === sourcesOnly ? runFromSources(path.join(root, "apps/cli/src/main.ts")) : null;
    },
  };
}

function removeOldBuilds(folder: string): void {
  const builds = readdirSync(folder, { withFileTypes: true }).filter((found) => found.isDirectory());
  const byAge = builds
    .map(({ name }) => path.join(folder, name))
    .sort((a, b) => statSync(b).ctimeMs - statSync(a).ctimeMs);
  for (const old of byAge.slice(keptBuilds)) rmSync(old, { recursive: true, force: true });
}

/** The build that the launcher would run; undefined when there is none. */
export function currentBuild(folder: string): string | undefined {
  try {
    const name = /"\.\/([0-9a-f-]+)\/start\.cjs"/u.exec(readFileSync(path.join(folder, launched.cli), "utf8"))?.[1];
    return name === undefined ? undefined : path.join(folder, name);
  } catch {
    return undefined;
  }
}

// Names stay, for errors and their traces.
const minify = { compress: false, mangle: false, codegen: { removeWhitespace: true } } as const;

/** The names imported from a module that never returns; what is imported late and lies in the same file. */
const expectedLogs = new Set(["SHIMMED_EXPORT", "INEFFECTIVE_DYNAMIC_IMPORT"]);

/** @returns the parts that were written */
async function write(input: InputOptions, output: OutputOptions): Promise<OutputChunk[]> {
  const onLog: InputOptions["onLog"] = (level, log, say) => {
    if (log.code === undefined || !expectedLogs.has(log.code)) say(level, log);
  };
  const bundle = await rolldown({ platform: "node", onLog, ...input });
  try {
    const written = await bundle.write({ format: "cjs", minify, ...output });
    return written.output.filter((part) => part.type === "chunk");
  } finally {
    await bundle.close();
  }
}

type Build = { root: string; dir: string; files: Map<string, string> };

/** @returns the files that the first parts are made of */
async function writeCli({ root, dir, files }: Build): Promise<string[]> {
  const known = new Map<string, readonly string[]>();
  const parts = await write(
    {
      input: { start: path.join(root, entry) },
      // The module that never returns has none of the names imported from it.
      shimMissingExports: true,
      plugins: [quickOnly(root), sources(root, files), imports(known), quickDefaults],
    },
    {
      dir,
      entryFileNames: "[name].cjs",
      chunkFileNames: "[name]-[hash].cjs",
      codeSplitting: { groups: [...chunks] },
      banner: ({ name }) => (firstParts.has(name) ? "" : askHook),
    },
  );
  const first = parts.filter(({ name }) => firstParts.has(name)).flatMap(({ moduleIds }) => moduleIds);
  const names = [...withImports(first, known)].flatMap((id) => ownName(root, id) ?? []);
  return [...new Set([...installed, ...names.flatMap(filesOf)])];
}

/** One file, which has no first part: a server that runs loads nothing later, and a build that is removed takes nothing from it. */
async function writeServer({ root, dir, files }: Build): Promise<[]> {
  await write(
    {
      input: path.join(root, serverEntry),
      // A UMD build finds its own parts by a `require` that no bundler sees.
      resolve: { mainFields: ["module", "main"] },
      plugins: [sources(root, files)],
    },
    { file: path.join(dir, launched.server), codeSplitting: false },
  );
  return [];
}

/**
 * Makes a build below `folder` (`.tools/cli` of the clone) and has it run from now on.
 * @throws Error when a source cannot be bundled; the build before stays then
 */
export async function bundleCli(clone: string, folder: string): Promise<void> {
  const root = realpathSync(clone);
  await sleep(settleMs);
  const build = randomUUID();
  const dir = path.join(folder, build);
  const parts = [
    { make: writeCli, name: launched.cli, manifest: manifestName, versionFiles },
    { make: writeServer, name: launched.server, manifest: serverManifestName, versionFiles: [] },
  ];
  for (const { make, name, manifest, versionFiles: told } of parts) {
    const files = new Map<string, string>();
    const firstFiles = await make({ root, dir, files });
    const text: BundleManifest = {
      schemaVersion: 1,
      root,
      files: Object.fromEntries(files),
      versionFiles: told,
      firstFiles,
    };
    writeFileSync(path.join(dir, manifest), JSON.stringify(text));
    writeFileSync(path.join(dir, `${name}.tmp`), `require("./${build}/${name}");\n`);
  }
  for (const { name } of parts) renameSync(path.join(dir, `${name}.tmp`), path.join(folder, name));
  removeOldBuilds(folder);
}
