// A real terminal for tests: tmux, which draws what a person would see.
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

export const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

/** Waiting for a screen is given up after this, ms; the screen is in the error. */
const waitMs = 30_000;

export type Terminal = {
  /** Types text as it is. */
  type(text: string): void;
  /** Presses a key by tmux's name, for example `Tab` or `Enter`. */
  press(...keys: string[]): void;
  /** What the screen shows, without trailing blanks. */
  screen(): string;
  /** Everything since the beginning, as far as tmux keeps it. */
  history(): string;
  waitFor(pattern: RegExp): Promise<string>;
  resize(columns: number, rows: number): void;
  /** Every byte that the terminal is sent from now on goes into a file. */
  record(file: string): void;
  close(): void;
};

export type TerminalOptions = {
  command: readonly string[];
  cwd: string;
  env: Record<string, string>;
  columns?: number;
  rows?: number;
};

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** Starts a command in a terminal of its own. */
export function openTerminal({ command, cwd, env, columns = 80, rows = 24 }: TerminalOptions): Terminal {
  const socket = `ossaat-${randomBytes(6).toString("hex")}`;
  const tmux = (...args: string[]) =>
    execFileSync("tmux", ["-L", socket, "-f", "/dev/null", ...args], { cwd, env, encoding: "utf8", stdio: "pipe" });
  // A Ctrl+C is for the command, not for the shell around it.
  const line = `trap : INT; ${command.map(quote).join(" ")}; printf 'ended with %s.' $?; sleep 600`;
  const size = ["-x", String(columns), "-y", String(rows)];
  tmux("new-session", "-d", "-s", "t", ...size, "sh", "-c", line);
  tmux("set-option", "-g", "history-limit", "10000");
  const capture = (...more: string[]) => tmux("capture-pane", "-p", "-t", "t", ...more).replace(/\s+$/, "");
  return {
    type: (text) => void tmux("send-keys", "-t", "t", "-l", "--", text),
    press: (...keys) => void tmux("send-keys", "-t", "t", ...keys),
    screen: () => capture(),
    history: () => capture("-S", "-", "-J"),
    async waitFor(pattern) {
      for (const end = Date.now() + waitMs; Date.now() < end; await sleep(50)) {
        const text = capture();
        if (pattern.test(text)) return text;
      }
      throw new Error(`the screen never showed ${String(pattern)}:\n${capture()}`);
    },
    resize: (width, height) => void tmux("resize-window", "-t", "t", "-x", String(width), "-y", String(height)),
    record: (file) => void tmux("pipe-pane", "-t", "t", "-O", `cat > ${quote(file)}`),
    close: () => void spawnSync("tmux", ["-L", socket, "kill-server"]),
  };
}
