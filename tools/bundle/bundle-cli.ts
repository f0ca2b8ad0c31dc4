// Bundles the CLI, with the manifest by which the bundle knows whether it is current.
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { rolldown } from "rolldown";
import type { Plugin } from "rolldown";

import { manifestName, stampOf } from "../../apps/cli/src/bundle/manifest.ts";
import type { BundleManifest } from "../../apps/cli/src/bundle/manifest.ts";

const entry = "apps/cli/src/bundle/start.ts";
/** What changes with an install; the packages themselves are not looked at one by one. */
const installed = ["pnpm-lock.yaml", "node_modules/.modules.yaml"];
/** What the answer to `--version` is made of. */
const versionFiles = [entry, "apps/cli/src/bundle/manifest.ts", "apps/cli/src/version.ts"];
/** A change time moves in steps of some milliseconds: a younger file could change within one, ms. */
const settleMs = 50;
/** Builds that stay: a command that runs may still load parts of the one it began with. */
const keptBuilds = 3;
/** What the launcher looks for, in the folder of all builds. */
const launched = "start.cjs";

/**
 * What the quick commands need in one file, because each file takes time to find; apart from what the
 * version is told by, which loads nothing else.
 */
const chunks = [
  { name: "version", test: /\/apps\/cli\/src\/version\.ts$/u, priority: 2 },
  { name: "common", test: /\/apps\/cli\/src\/(?:run-main|command-context|commands\/runs)\.ts$/u, priority: 1 },
] as const;

/** The parts of the server: as large as everything else together, and started once. */
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

/** Notes how each source was before it is read, and gives it its own address in place of the bundle's. */
function sources(root: string, files: Map<string, string>): Plugin {
  const note = (name: string) => {
    const stamp = stampOf(path.join(root, name));
    if (stamp === undefined) throw new Error(`${name} is not there`);
    files.set(name, stamp);
  };
  for (const name of installed) note(name);
  return {
    name: "sources",
    resolveId(specifier, importer) {
      if (servers.test(specifier)) return sourcesOnly;
      const isCommander = importer?.includes("/node_modules/commander/") === true;
      return isCommander && specifier === "node:child_process" ? lazyChildProcess : null;
    },
    load(id) {
      if (id === lazyChildProcess) return lazySpawn;
      if (id === sourcesOnly) return runFromSources(path.join(root, "apps/cli/src/main.ts"));
      const name = path.relative(root, id);
      if (!id.startsWith("/") || name.startsWith("..") || name.includes("node_modules/")) return null;
      note(name);
      // Where its imports lead to stands in the package's description.
      note(path.join(...name.split(path.sep).slice(0, 2), "package.json"));
      return readFileSync(id, "utf8").replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href));
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
    const name = /"\.\/([0-9a-f-]+)\/start\.cjs"/u.exec(readFileSync(path.join(folder, launched), "utf8"))?.[1];
    return name === undefined ? undefined : path.join(folder, name);
  } catch {
    return undefined;
  }
}

/**
 * Makes a build below `folder` (`.tools/cli` of the clone) and has the launcher run it from now on.
 * @throws Error when a source cannot be bundled; the build before stays then
 */
export async function bundleCli(clone: string, folder: string): Promise<void> {
  const root = realpathSync(clone);
  await sleep(settleMs);
  const build = randomUUID();
  const dir = path.join(folder, build);
  const files = new Map<string, string>();
  const bundle = await rolldown({
    input: { start: path.join(root, entry) },
    platform: "node",
    // The module that never returns has none of the names imported from it.
    shimMissingExports: true,
    onLog: (level, log, say) => {
      if (log.code !== "SHIMMED_EXPORT") say(level, log);
    },
    plugins: [sources(root, files), quickDefaults],
  });
  try {
    await bundle.write({
      dir,
      format: "cjs",
      entryFileNames: "[name].cjs",
      chunkFileNames: "[name]-[hash].cjs",
      codeSplitting: { groups: [...chunks] },
      // Names stay, for errors and their traces.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
    });
  } finally {
    await bundle.close();
  }
  const manifest: BundleManifest = { schemaVersion: 1, root, files: Object.fromEntries(files), versionFiles };
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, manifestName), JSON.stringify(manifest));
  writeFileSync(path.join(dir, "launch.tmp"), `require("./${build}/start.cjs");\n`);
  renameSync(path.join(dir, "launch.tmp"), path.join(folder, launched));
  removeOldBuilds(folder);
}
