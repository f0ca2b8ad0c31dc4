// What of the machine the box may read: system folders, a few files of /etc, and the
// toolchains a developer's PATH leads to. Never a home folder as a whole.
import { access, readdir, realpath, stat } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";

/** What the runner knows of its machine; injected so that tests can vary it. */
export type HostEnvironment = { path: string; home: string; execPath: string };

export type ReadOnlyBind = { source: string; target: string };

export type SymbolicLink = { target: string; path: string };

export type Toolchains = {
  binds: ReadOnlyBind[];
  links: SymbolicLink[];
  /** Folders for the box's PATH, in order. */
  path: string[];
  env: Record<string, string>;
};

const nodeTarget = "/opt/ossaat/node";
/** Our own Node, as a box has it. */
export const boxNode = `${nodeTarget}/bin/node`;

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Our own Node: the program and, when it came with them, its package managers. */
async function nodeParts(execPath: string): Promise<{ binds: ReadOnlyBind[]; links: SymbolicLink[] }> {
  const program = await realpath(execPath);
  const modules = join(dirname(dirname(program)), "lib/node_modules");
  const binds = [{ source: program, target: boxNode }];
  const links: SymbolicLink[] = [];
  if (await exists(join(modules, "npm/bin/npm-cli.js"))) {
    binds.push({ source: join(modules, "npm"), target: `${nodeTarget}/lib/node_modules/npm` });
    for (const name of ["npm", "npx"]) {
      links.push({ target: `../lib/node_modules/npm/bin/${name}-cli.js`, path: `${nodeTarget}/bin/${name}` });
    }
  }
  return { binds, links };
}

/** `folder` is shown when it is there, by its own name or as `target`. */
type HomeToolchain = { folder: string; target?: string; path: string[]; env: Record<string, string> };

function homeToolchains(home: string, boxHome: string): HomeToolchain[] {
  return [
    { folder: join(home, ".cargo/bin"), path: [join(home, ".cargo/bin")], env: {} },
    // The rest of ~/.cargo holds credentials; only downloaded sources are shown.
    ...["registry", "git"].map((name) => ({
      folder: join(home, ".cargo", name),
      target: `${boxHome}/.cargo/${name}`,
      path: [],
      env: {},
    })),
    { folder: join(home, ".rustup"), path: [], env: { RUSTUP_HOME: join(home, ".rustup") } },
    // Downloaded artifacts alone: the settings beside them hold credentials.
    { folder: join(home, ".m2/repository"), target: `${boxHome}/.m2/repository`, path: [], env: {} },
    // SDKMAN: what is chosen for new shells.
    ...["java", "maven", "gradle"].map((name) => {
      const folder = join(home, ".sdkman/candidates", name);
      const env: Record<string, string> = name === "java" ? { JAVA_HOME: join(folder, "current") } : {};
      return { folder, path: [join(folder, "current/bin")], env };
    }),
    {
      folder: join(home, ".pyenv"),
      path: [join(home, ".pyenv/shims"), join(home, ".pyenv/bin")],
      env: { PYENV_ROOT: join(home, ".pyenv") },
    },
    {
      folder: join(home, "go/pkg/mod"),
      path: [],
      env: { GOMODCACHE: join(home, "go/pkg/mod") },
    },
    { folder: join(home, ".local/share/uv/python"), path: [], env: {} },
  ];
}

const systemFolders = ["/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin"];
const etcFiles = [
  "ld.so.cache ld.so.conf ld.so.conf.d alternatives ssl/certs ca-certificates pki",
  "localtime timezone mime.types protocols services maven python3",
].flatMap((names) => names.split(" "));

/** Settings without which a JDK of a Linux distribution does not start or knows no certificates. */
async function jdkSettings(): Promise<string[]> {
  const names = await readdir("/etc");
  return names.filter((name) => /^java(?:-[\w.-]+)?$/u.test(name)).map((name) => `/etc/${name}`);
}

/** System part of the box: folders as they are, top-level links kept as links. */
export async function systemBinds(): Promise<ReadOnlyBind[]> {
  const paths = [...systemFolders, ...etcFiles.map((name) => `/etc/${name}`), ...(await jdkSettings())];
  const present: ReadOnlyBind[] = [];
  for (const path of paths) if (await exists(path)) present.push({ source: path, target: path });
  return present;
}

/** Toolchains found on this machine. `boxHome` is the private home folder in the box. */
export async function findToolchains(host: HostEnvironment, boxHome: string): Promise<Toolchains> {
  const candidates = host.home === "" ? [] : homeToolchains(host.home, boxHome);
  const folders = host.path.split(delimiter);
  // All at once, because every run asks.
  const [{ binds, links }, isThere, areFolders] = await Promise.all([
    nodeParts(host.execPath),
    Promise.all(candidates.map(({ folder }) => exists(folder))),
    Promise.all(folders.map(isFolder)),
  ]);
  const path = [`${nodeTarget}/bin`];
  const env: Record<string, string> = {
    GOPROXY: "off",
    GOTOOLCHAIN: "local",
    CARGO_HOME: `${boxHome}/.cargo`,
    CARGO_NET_OFFLINE: "true",
  };
  for (const toolchain of candidates.filter((_candidate, index) => isThere[index])) {
    binds.push({ source: toolchain.folder, target: toolchain.target ?? toolchain.folder });
    path.push(...toolchain.path);
    Object.assign(env, toolchain.env);
  }
  folders.forEach((folder, index) => {
    if (areFolders[index] === true && folder.startsWith("/usr/") && !path.includes(folder)) path.push(folder);
  });
  for (const folder of ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/go/bin"]) {
    if (!path.includes(folder)) path.push(folder);
  }
  return { binds, links, path, env };
}
