// Whether an argv is covered by an approved command prefix. Compared word by word: a prefix
// never reaches through a program that runs another program.

const shells = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "busybox", "pwsh", "powershell", "cmd"]);
const wrappers = new Set(
  [
    "env xargs npx pnpx bunx uvx pipx timeout nice ionice nohup setsid stdbuf time watch sudo doas su chroot",
    "unshare nsenter setpriv prlimit taskset script parallel find strace ltrace gdb command exec eval flock",
    "chronic corepack",
  ].flatMap((names) => names.split(" ")),
);

/** File name of a program, lower-case, without an ending that runs it. */
export function programName(word: string): string {
  const name = word.slice(word.lastIndexOf("/") + 1);
  return name.toLowerCase().replace(/\.(?:exe|cmd|bat)$/u, "");
}

/** Whether a program runs another program or a script given in its arguments. */
export function isCommandWrapper(program: string): boolean {
  const name = programName(program);
  return shells.has(name) || wrappers.has(name);
}

function isShell(program: string): boolean {
  return shells.has(programName(program));
}

/** A wrapper's prefix must name what it wraps; `npx` alone would cover every program. */
function namesWrappedProgram(words: readonly string[]): boolean {
  return words.slice(1).some((word) => /^[^-]/u.test(word) && !word.includes("=") && !/^[\d.]+[smhd]?$/u.test(word));
}

function covers(prefix: string, argv: readonly string[]): boolean {
  const words = prefix.split(/\s+/u).filter((word) => word !== "");
  const program = words[0];
  if (program === undefined || words.length > argv.length) return false;
  if (!words.every((word, index) => word === argv[index])) return false;
  if (isShell(program)) return words.length === argv.length;
  return !isCommandWrapper(program) || namesWrappedProgram(words);
}

/** Whether one of the approved prefixes covers the argv: `npm test` covers `npm test -- x`, not `npm tests`. */
export function isCommandCovered(prefixes: readonly string[], argv: readonly string[]): boolean {
  if (argv.length === 0 || argv.some((word) => word.includes("\0"))) return false;
  return prefixes.some((prefix) => covers(prefix, argv));
}
