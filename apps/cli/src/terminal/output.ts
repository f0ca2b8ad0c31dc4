// What goes where: data on stdout, everything else on stderr; colour and prompts only where a
// person sits.
import { isatty } from "node:tty";

import { AgentError, errorTable } from "@ossaat/contracts/errors";

import type { Config } from "../config.ts";
import { escapeText } from "./escape.ts";

export type OutputFormat = "text" | "json" | "ndjson";

export type Output = {
  format: OutputFormat;
  /** A person can be asked. */
  isInteractive: boolean;
  isLive: boolean;
  color: boolean;
  /** ASCII instead of symbols. */
  plain: boolean;
  /** No symbols at all: a screen reader would spell them. */
  wordsOnly: boolean;
  width: number;
  /** Columns of the terminal that shows the output; undefined where a program or a screen reader reads it. */
  columns: number | undefined;
  /** One document on stdout. */
  json(value: unknown): void;
  /** Text on stdout. */
  print(text: string): void;
  /** Progress and hints on stderr; silent with --quiet. */
  note(text: string): void;
  /** Errors on stderr, never silent. */
  warn(text: string): void;
  /** Has notes and errors written beside a live view while it stands on the screen. */
  attach(view: LiveView | undefined): void;
  /** Takes the live view from the screen: what it shows goes on, but nobody draws it any more. */
  clearLive(): void;
};

export type LiveView = { aside(write: () => void): void; clear(): void };

export type GlobalFlags = {
  json?: boolean;
  output?: string;
  quiet?: boolean;
  input?: boolean;
};

function formatOf({ json, output }: GlobalFlags): OutputFormat {
  if (json === true) return "json";
  if (output === undefined || output === "text") return "text";
  if (output === "json" || output === "ndjson") return output;
  throw new AgentError("invalid_input", `--output takes text, json or ndjson, not "${output}".`);
}

function useColor({ color, forceColor, noColor, isDumbTerminal }: Config): boolean {
  if (color !== "auto") return color === "always";
  return forceColor || (!noColor && !isDumbTerminal && isatty(1));
}

/** Reads the global flags. @throws AgentError invalid_input */
export function createOutput(flags: GlobalFlags, config: Config): Output {
  const format = formatOf(flags);
  // Not by the streams: making one takes longer than asking.
  const isPerson = isatty(0) && isatty(2);
  const isInteractive = isPerson && flags.input !== false && !config.isCi && format === "text";
  const quiet = flags.quiet === true;
  let live: LiveView | undefined;
  const tell = (text: string) => {
    const write = () => void process.stderr.write(`${text}\n`);
    if (live === undefined) write();
    else live.aside(write);
  };
  return {
    format,
    isInteractive,
    isLive: isatty(2) && !config.isDumbTerminal && !config.isScreenReader && format === "text" && !quiet,
    color: useColor(config),
    plain: config.isDumbTerminal || config.isScreenReader,
    wordsOnly: config.isScreenReader,
    columns: isatty(1) && isatty(2) && !config.isScreenReader ? process.stderr.columns : undefined,
    width: Math.max(40, process.stderr.columns ?? process.stdout.columns ?? 100),
    json: (value) => void process.stdout.write(`${JSON.stringify(value, null, format === "ndjson" ? undefined : 2)}\n`),
    print: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => {
      if (!quiet) tell(text);
    },
    warn: tell,
    attach: (next) => {
      live = next;
    },
    clearLive: () => live?.clear(),
  };
}

export type ErrorPlace = Pick<Output, "format" | "json" | "warn"> & {
  /** Words of the command that failed, such as `config set`; undefined where none is known. */
  command?: string | undefined;
};

/** What to do next: a request that is not valid is best answered by the help of its own command. */
function nextOf(error: AgentError, command = ""): string {
  if (error.code !== "invalid_input" || error.details["next"] !== undefined) return error.next;
  return command === "" ? error.next : `ossaat ${command} --help`;
}

/** Prints an error the way the format asks for: what, whose fault, what next. @returns the exit code */
export function reportError(thrown: unknown, { format, json, warn, command }: ErrorPlace): number {
  const error = AgentError.from(thrown);
  const { code, message, fault } = error;
  const next = nextOf(error, command);
  if (format !== "text") {
    json({ schemaVersion: 1, error: { code, message, fault, details: { ...error.details, next } } });
  }
  warn(`ossaat: ${escapeText(message)}`);
  if (code === "internal" && error.cause instanceof Error) warn(error.cause.stack ?? error.cause.message);
  warn(`Fault: ${fault}`);
  warn(`Next: ${escapeText(next)}`);
  return errorTable[code].exitCode;
}
