// Entries of a step's network allow-list: what may be written, and what it means. Pure.
import { z } from "zod";

import { normalizeHost } from "./host-name.ts";

/** Characters of one entry: a method list, a host name and a path. */
const maxEntryChars = 512;

const schemes = { "http:": "http", "https:": "https" } as const;
export type EgressScheme = "http" | "https";

/** Ports of an entry that names none. */
const defaultPorts: Readonly<Record<EgressScheme, number>> = { http: 80, https: 443 };

/** One entry of an allow-list, as it is matched. */
export type EgressRule = {
  /** The entry as it was written. */
  entry: string;
  /** Host in lower case ASCII; of `*.example.org` the part after the star. */
  host: string;
  /** True for `*.example.org`: every name below the host, not the host itself. */
  isWildcard: boolean;
  /** Absent = both. */
  scheme?: EgressScheme;
  ports: readonly number[];
  /** Upper case; empty = every method. */
  methods: readonly string[];
  /** Absent = every path. A prefix ends with `/`. */
  path?: { text: string; isPrefix: boolean };
};

export type ParsedEgressEntry = { ok: true; rule: EgressRule } | { ok: false; why: string };

function readHost(text: string): { ok: true; host: string; isWildcard: boolean } | { ok: false; why: string } {
  const isWildcard = text.startsWith("*.");
  const name = normalizeHost(isWildcard ? text.slice(2) : text);
  if (name.ok) return { ok: true, host: name.host, isWildcard };
  if (text.includes("*"))
    return { ok: false, why: "a star stands in front only, for names below a host: *.example.org" };
  return name;
}

function readPort(text: string | undefined): number | undefined | "bad" {
  if (text === undefined) return undefined;
  const port = Number(text);
  return /^[1-9]\d{0,4}$/u.test(text) && port <= 65_535 ? port : "bad";
}

function readPath(text: string): { ok: true; path?: EgressRule["path"] } | { ok: false; why: string } {
  if (text === "") return { ok: true };
  const isPrefix = text.endsWith("/*");
  const path = isPrefix ? text.slice(0, -1) : text;
  if (path.includes("*")) return { ok: false, why: "in a path a star stands at the end only: /v1/*" };
  if (isAmbiguousPath(path) || new URL(path, "http://host.invalid").pathname !== path) {
    return { ok: false, why: "the path must be written as it is sent: absolute, encoded, without .. or a query" };
  }
  return isPrefix && path === "/" ? { ok: true } : { ok: true, path: { text: path, isPrefix } };
}

/** Whether a server could read the path as another one than it shows. */
export function isAmbiguousPath(path: string): boolean {
  return (
    !path.startsWith("/") ||
    path.includes("//") ||
    /[^\x21-\x7e]|[\\?#;]|%(?![0-9a-f]{2})|%(?:2f|5c|2e|25|3b|[01][0-9a-f]|7f)/iu.test(path)
  );
}

type Parts = { methods: string[]; scheme?: EgressScheme; host: string; port: string | undefined; path: string };

function splitEntry(entry: string): Parts | undefined {
  const match =
    /^(?:(?<methods>[A-Z]+(?:,[A-Z]+)*) )?(?:(?<scheme>https?:)\/\/)?(?<host>[^\s/:?#@\\]+)(?::(?<port>\d*))?(?<path>\/(?!\/).*)?$/u.exec(
      entry,
    );
  if (match?.groups === undefined) return undefined;
  const { methods, scheme, host = "", port, path = "" } = match.groups;
  return {
    methods: methods?.split(",") ?? [],
    ...(scheme === undefined ? {} : { scheme: schemes[scheme as keyof typeof schemes] }),
    host,
    port,
    path,
  };
}

/**
 * Reads an entry: `packages.example.com`, `*.example.org`, `example.org:8443`,
 * `https://api.example.org/v1/*`, `GET,HEAD https://api.example.org/v1/items`. A host alone covers
 * ports 80 and 443 and whatever is said there; a method or a scheme has the proxy look inside.
 */
export function parseEgressEntry(entry: string): ParsedEgressEntry {
  if (entry.length > maxEntryChars) return { ok: false, why: "the entry is too long" };
  const parts = splitEntry(entry);
  if (parts === undefined) {
    return { ok: false, why: "write a host, or methods, scheme, host and path: GET https://api.example.org/v1/*" };
  }
  const { methods, scheme } = parts;
  const host = readHost(parts.host);
  if (!host.ok) return host;
  const port = readPort(parts.port);
  if (port === "bad") return { ok: false, why: "a port is a number from 1 to 65535" };
  if (methods.includes("CONNECT")) return { ok: false, why: "CONNECT is not a method of a host" };
  if (scheme === undefined && parts.path !== "") return { ok: false, why: "a path needs a scheme: https://host/path" };
  const path = readPath(parts.path);
  if (!path.ok) return path;
  const ports = port !== undefined ? [port] : scheme !== undefined ? [defaultPorts[scheme]] : [443, 80];
  const inside = {
    ...(scheme === undefined ? {} : { scheme }),
    ...(path.path === undefined ? {} : { path: path.path }),
  };
  return { ok: true, rule: { entry, host: host.host, isWildcard: host.isWildcard, ports, methods, ...inside } };
}

/** An entry of an envelope; refused with the reason when it cannot be read. */
export const EgressEntry = z
  .string()
  .min(1)
  .max(maxEntryChars)
  .superRefine((entry, context) => {
    const parsed = parseEgressEntry(entry);
    if (!parsed.ok) context.addIssue({ code: "custom", message: `${JSON.stringify(entry)}: ${parsed.why}` });
  });
