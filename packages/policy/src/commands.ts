// Whether an argv is covered by an approved command prefix. Compared word by word: a prefix
// never reaches through a program that runs another program.

const setOf = (...names: string[]) => new Set(names.flatMap((line) => line.split(" ")));

const shells = setOf("sh bash rbash dash zsh ksh mksh ash csh tcsh fish nu busybox toybox pwsh powershell cmd");
const wrappers = setOf(
  "env xargs npx pnpx bunx uvx pipx timeout nice ionice nohup setsid stdbuf time watch sudo doas su runuser chroot",
  "unshare nsenter setpriv prlimit taskset script parallel find strace ltrace gdb command exec eval flock",
  "chronic corepack fakeroot bwrap firejail systemd-run xvfb-run valgrind perf entr pkexec",
);

/** Words after which a program that also does other things runs what follows. */
const runnerWords = new Map([
  ["npm", setOf("exec x")],
  ["pnpm", setOf("exec dlx")],
  ["yarn", setOf("exec dlx")],
  ["bun", setOf("x")],
  ["bundle", setOf("exec")],
  ...["uv", "poetry", "pipenv", "pdm", "hatch", "rye"].map((name) => [name, setOf("run")] as const),
]);

/** Settings of git name programs: an alias, a pager, the transport. */
const gitSettings = setOf("-c --config-env --exec-path");
const gitOptionsWithValue = setOf("-C --git-dir --work-tree --namespace");
/** Words of git's commands that run what follows them. */
const gitRunnerWords = new Map([
  ["rebase", setOf("-x --exec")],
  ["difftool", setOf("-x --extcmd")],
  ["bisect", setOf("run")],
  ["submodule", setOf("foreach")],
  ["filter-branch", setOf("--tree-filter --index-filter --env-filter --msg-filter --commit-filter")],
]);

/** File name of a program, lower-case, without an ending that runs it. */
export function programName(word: string): string {
  const name = word.slice(word.lastIndexOf("/") + 1);
  return name.toLowerCase().replace(/\.(?:exe|cmd|bat)$/u, "");
}

const optionOf = (word: string) => word.split("=", 1)[0] ?? "";

function runnerAt(argv: readonly string[], words: ReadonlySet<string> | undefined): number | undefined {
  const at = words === undefined ? -1 : argv.findIndex((word, index) => index > 0 && words.has(optionOf(word)));
  return at < 0 ? undefined : at;
}

function gitRunsFrom(argv: readonly string[]): number | undefined {
  for (let at = 1; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (gitSettings.has(optionOf(word))) return at;
    if (gitOptionsWithValue.has(word)) at += 1;
    // The option itself belongs to what follows: `--exec=rm x` is one word.
    else if (!word.startsWith("-")) return runnerAt(argv, gitRunnerWords.get(word));
  }
  return undefined;
}

/** Whether a program runs another program or a script given in its arguments. */
export function isCommandWrapper(program: string): boolean {
  const name = programName(program);
  return shells.has(name) || wrappers.has(name);
}

/**
 * Where in an argv the words begin that may be another program or a script; undefined = the program
 * runs no other as far as is known. `python -c` and its like count as none: their text is code.
 */
export function wrappedFrom(argv: readonly string[]): number | undefined {
  const [program = ""] = argv;
  if (isCommandWrapper(program)) return 1;
  const name = programName(program);
  if (name === "git") return gitRunsFrom(argv);
  const at = runnerAt(argv, runnerWords.get(name));
  return at === undefined ? undefined : at + 1;
}

function isShell(program: string): boolean {
  return shells.has(programName(program));
}

/** A wrapper's prefix must name what it wraps; `npx` alone would cover every program. */
function namesWrappedProgram(words: readonly string[]): boolean {
  return words.some((word) => /^[^-]/u.test(word) && !word.includes("=") && !/^[\d.]+[smhd]?$/u.test(word));
}

function covers(prefix: string, argv: readonly string[]): boolean {
  const words = prefix.split(/\s+/u).filter((word) => word !== "");
  const program = words[0];
  if (program === undefined || words.length > argv.length) return false;
  if (!words.every((word, index) => word === argv[index])) return false;
  if (isShell(program)) return words.length === argv.length;
  const from = wrappedFrom(argv);
  return from === undefined || namesWrappedProgram(words.slice(from));
}

/** Whether one of the approved prefixes covers the argv: `npm test` covers `npm test -- x`, not `npm tests`. */
export function isCommandCovered(prefixes: readonly string[], argv: readonly string[]): boolean {
  if (argv.length === 0 || argv.some((word) => word.includes("\0"))) return false;
  return prefixes.some((prefix) => covers(prefix, argv));
}
