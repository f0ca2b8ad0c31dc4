// What a setting is: its type, who may set it, and how two values narrow each other.
import { isBrokerAddress } from "@ossaat/contracts";

/** Where a value came from; the order is that of precedence, highest first. */
export const layerNames = ["flag", "env", "project", "user", "system", "default"] as const;
export type LayerName = (typeof layerNames)[number];

/**
 * What `ossaat.yaml` of a repository may do with a setting: `narrow` makes it stricter only,
 * `trusted` is inert until the person trusts the file, `never` is an error.
 */
export type ProjectRule = "narrow" | "trusted" | "never";

export type SettingOptions<T> = {
  /** One sentence for people. */
  meaning: string;
  default?: T;
  /** What holds without a value, when that is no value of the type. */
  defaultText?: string;
  /** Environment variables, the first one that is set counts. */
  env?: readonly string[];
  /** Flag of a command, for example `--max-cost`. */
  flag?: string;
  project: ProjectRule;
  /** The stricter of two values. Settings without one are never narrowed. */
  narrow?(outer: T, inner: T): T;
};

export type Setting<T> = SettingOptions<T> & {
  /** What may be written, for example `a number above 0`. */
  takes: string;
  /** Every value there is, where they can be listed. */
  values?: readonly string[];
  /** Reads a YAML value, or the text of a flag or variable; undefined when it does not fit. */
  read(value: unknown): T | undefined;
};

function listWords(values: readonly string[]): string {
  return values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1) ?? ""}`;
}

export function choice<const V extends string>(values: readonly V[], options: SettingOptions<V>): Setting<V> {
  return { ...options, takes: listWords(values), values, read: (value) => values.find((known) => known === value) };
}

/** Text of one line. */
export function text(takes: string, options: SettingOptions<string>): Setting<string> {
  return {
    ...options,
    takes,
    // oxlint-disable-next-line no-control-regex -- control characters are refused
    read: (value) => (typeof value === "string" && /^[^\u0000-\u001f\u007f]+$/.test(value) ? value : undefined),
  };
}

export function webAddress(options: SettingOptions<string>): Setting<string> {
  return {
    ...options,
    takes: "a web address like https://host/path",
    read(value) {
      const isAddress = typeof value === "string" && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
      return isAddress ? value : undefined;
    },
  };
}

/** `user:password@`, and `user:password` where the host was forgotten; what reads as `host:port` is no secret. */
const credentials = /(:\/\/(?:\[[^\]"]*\]|(?!\[[^\]"]*\])[^/@:"]*):)(?:[^"]*(?=@)|(?!\d{1,5}(?:[/?#,"]|$))[^&"]+)/gu;

/** A value as an error may show it: one that was refused may hold a password. */
export function shownText(value: unknown): string {
  return JSON.stringify(value ?? null)
    .replaceAll(credentials, "$1…")
    .replaceAll(/(password=)[^@&"]+/giu, "$1…");
}

/** The address of a database, without a password: settings are shown and written to files. */
export function postgresAddress(options: SettingOptions<string>): Setting<string> {
  return {
    ...options,
    takes: "an address like postgres://user@host:port/database, without a password",
    read(value) {
      if (typeof value !== "string" || !URL.canParse(value)) return undefined;
      const { protocol, hostname, pathname, password, searchParams } = new URL(value);
      const isPostgres = protocol === "postgres:" || protocol === "postgresql:";
      const isBare = password === "" && !searchParams.has("password");
      return isPostgres && isBare && hostname !== "" && pathname.length > 1 ? value : undefined;
    },
  };
}

/** The address of a broker, without a password for the same reason. */
export function brokerAddress(options: SettingOptions<string>): Setting<string> {
  return {
    ...options,
    takes: "an address like amqp[s]://user@host:port/vhost or kafka[s]://user@host:port,host:port, without a password",
    read(value) {
      return typeof value === "string" && isBrokerAddress(value) ? value : undefined;
    },
  };
}

function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
}

export function positiveNumber(options: SettingOptions<number>): Setting<number> {
  return {
    ...options,
    takes: "a number above 0",
    read(value) {
      const number = toNumber(value);
      return Number.isFinite(number) && number > 0 ? number : undefined;
    },
  };
}

/** A whole number from 1 to `max`. */
export function wholeNumber(max: number | undefined, options: SettingOptions<number>): Setting<number> {
  return {
    ...options,
    takes: max === undefined ? "a whole number above 0" : `a whole number from 1 to ${max}`,
    read(value) {
      const number = toNumber(value);
      return Number.isSafeInteger(number) && number > 0 && number <= (max ?? number) ? number : undefined;
    },
  };
}

export function yesNo(options: SettingOptions<boolean>): Setting<boolean> {
  const words = new Map<unknown, boolean>([
    [true, true],
    ["true", true],
    ["1", true],
    [false, false],
    ["false", false],
    ["0", false],
  ]);
  return { ...options, takes: "true or false", values: ["true", "false"], read: (value) => words.get(value) };
}

/** Words; text holds them by comma. */
export function wordList(
  { takes, word }: { takes: string; word: RegExp },
  options: SettingOptions<readonly string[]>,
): Setting<readonly string[]> {
  return {
    ...options,
    takes,
    read(value) {
      const words: unknown = typeof value === "string" ? value.split(",").map((part) => part.trim()) : value;
      if (!Array.isArray(words)) return undefined;
      const fits = words.every((part): part is string => typeof part === "string" && word.test(part));
      return fits ? words : undefined;
    },
  };
}
