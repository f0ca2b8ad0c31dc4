// The product's log: JSON lines by pino, with secrets taken out where they are written.
import pino from "pino";
import type { DestinationStream } from "pino";

import { redactFields } from "./redact-fields.ts";
import { textRedactor } from "./redact-text.ts";
import type { RedactText } from "./redact-text.ts";
import { activeSpanIds } from "./trace-context.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** `fields` are data (ids, counts, `error`); `message` is one fixed sentence. */
export type Logger = Record<LogLevel, (fields: object, message: string) => void>;

export type LoggerOptions = {
  service: string;
  version: string;
  level: LogLevel;
  /** Values that must never be written, whatever their shape. */
  secrets?: readonly string[];
  /** Where lines go: a file descriptor, or a stream; standard output by default. */
  destination?: number | DestinationStream;
};

const standardOutput = 1;

function openDestination(destination: number | DestinationStream): DestinationStream {
  if (typeof destination !== "number") return destination;
  const stream = pino.destination({ fd: destination, sync: true });
  // NOTE: a full disk or a closed pipe costs log lines, never the server; there is nowhere to report it.
  stream.on("error", () => undefined);
  return stream;
}

/** Fields that cannot be read (a getter that throws) must not break their caller. */
function safeFields(fields: object, redact: RedactText): Record<string, unknown> {
  try {
    return redactFields(fields, { redact });
  } catch (error) {
    return { unreadableFields: error instanceof Error ? redact(error.message) : typeof error };
  }
}

/** Makes a log that writes synchronously: no line is lost when the process ends. */
export function createLogger(options: LoggerOptions): Logger {
  const { service, version, level, secrets = [], destination = standardOutput } = options;
  const redact = textRedactor(secrets);
  const log = pino(
    {
      level,
      base: { service, version, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // NOTE: errors are plain objects by now; pino's own serializer would read their stack again.
      serializers: { err: (value: unknown) => value },
    },
    openDestination(destination),
  );
  const writer = (name: LogLevel) => (fields: object, message: string) => {
    // NOTE: before pino sees the fields, because it reads them to merge its own.
    if (log.isLevelEnabled(name)) log[name]({ ...activeSpanIds(), ...safeFields(fields, redact) }, redact(message));
  };
  return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
}
