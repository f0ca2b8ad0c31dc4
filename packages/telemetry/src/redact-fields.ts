// Turns any value into plain, bounded JSON without secrets: by key name at any depth, and by
// the text of every string.
import { telemetryLimits } from "./limits.ts";
import { redactText, redacted } from "./redact-text.ts";
import type { RedactText } from "./redact-text.ts";

const secretName =
  /(?:authorization|cookie|passw(?:or)?d|passphrase|secret|apikey|accesskey|privatekey|secretkey|signingkey|internalkey|token|credential)s?$/;
const countName = /tokens?$/;

type Walk = {
  redact: RedactText;
  maxChars: number;
  depth: number;
  ancestors: readonly object[];
  /** Below a secret's name: no text survives, and numbers only where they are token counts. */
  secret: false | "all" | "text";
};

function nameKind(name: string): Walk["secret"] {
  const letters = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  if (!secretName.test(letters)) return false;
  return countName.test(letters) ? "text" : "all";
}

function clip(text: string, { redact, maxChars }: Walk): string {
  const safe = redact(text.slice(0, telemetryLimits.maxScannedChars));
  if (safe.length <= maxChars && text.length <= telemetryLimits.maxScannedChars) return safe;
  return `${safe.slice(0, maxChars)}… [${text.length} characters]`;
}

function errorFields(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const own = Object.entries(error).filter(([key]) => key !== "name" && key !== "message" && key !== "stack");
  return {
    type: name,
    message,
    ...Object.fromEntries(own),
    ...(error instanceof AggregateError ? { errors: error.errors as unknown } : {}),
    stack,
    ...(cause === undefined ? {} : { cause }),
  };
}

function walkEntries(entries: [string, unknown][], walk: Walk): Record<string, unknown> {
  const kept = entries.slice(0, telemetryLimits.maxEntries).map(([name, value]) => {
    const secret = walk.secret === false ? nameKind(name) : walk.secret;
    return [walk.redact(name), walkValue(value, { ...walk, secret })] as const;
  });
  const left = entries.length - kept.length;
  return Object.fromEntries(left === 0 ? kept : [...kept, ["…", `[${left} more]`]]);
}

function walkList(items: readonly unknown[], walk: Walk): unknown[] {
  const kept = items.slice(0, telemetryLimits.maxEntries).map((item) => walkValue(item, walk));
  const left = items.length - kept.length;
  return left === 0 ? kept : [...kept, `[${left} more]`];
}

function walkObject(value: object, outer: Walk): unknown {
  if (outer.ancestors.includes(value)) return "[circular]";
  if (outer.depth >= telemetryLimits.maxDepth) return "[too deep]";
  const walk = { ...outer, depth: outer.depth + 1, ancestors: [...outer.ancestors, value] };
  if (Array.isArray(value)) return walkList(value, walk);
  if (value instanceof Error) return walkEntries(Object.entries(errorFields(value)), walk);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return walkEntries([...value].map(([key, item]) => [String(key), item]) as never, walk);
  if (value instanceof Set) return walkList([...value], walk);
  if ("toJSON" in value && typeof value.toJSON === "function") return walkValue(value.toJSON() as unknown, walk);
  return walkEntries(Object.entries(value), walk);
}

function walkValue(value: unknown, walk: Walk): unknown {
  switch (typeof value) {
    case "string":
      return walk.secret === false ? clip(value, walk) : redacted;
    case "number":
      return walk.secret === "all" ? redacted : value;
    case "bigint":
      return walk.secret === "all" ? redacted : String(value);
    case "symbol":
    case "function":
      return `[${typeof value}]`;
    case "object":
      return value === null ? null : walkObject(value, walk);
    default:
      return value;
  }
}

export type RedactOptions = {
  /** How text is redacted; the shapes of secrets by default. */
  redact?: RedactText;
  /** Longest string kept, characters. */
  maxChars?: number;
};

/**
 * A plain copy of `fields` that is safe to write: secrets replaced by `[redacted]`, errors with
 * stack and cause, cycles, depth and lengths bounded.
 */
export function redactFields(fields: object, options: RedactOptions = {}): Record<string, unknown> {
  const { redact = redactText, maxChars = telemetryLimits.maxTextChars } = options;
  const walk: Walk = { redact, maxChars, depth: 0, ancestors: [], secret: false };
  const copy = walkObject(fields, walk);
  return typeof copy === "object" && copy !== null && !Array.isArray(copy)
    ? (copy as Record<string, unknown>)
    : { value: copy };
}
