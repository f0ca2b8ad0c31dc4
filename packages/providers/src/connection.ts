// How a vendor is reached: key, address, wire, from the settings that were passed in.
import { AgentError } from "@ossaat/contracts";

import type { Wire } from "./spec.ts";

/** The settings providers are made from; the caller reads them from its environment or secrets. */
export type ProviderEnv = {
  OPENAI_API_KEY?: string | undefined;
  OPENAI_BASE_URL?: string | undefined;
  /** `openai.responses` or `openai.chat`; default by base URL. */
  OSSAAT_OPENAI_WIRE?: string | undefined;
  ANTHROPIC_API_KEY?: string | undefined;
  ANTHROPIC_BASE_URL?: string | undefined;
};

export type Connection = {
  provider: "openai" | "anthropic";
  wire: Wire;
  apiKey?: string;
  /** Absent = the vendor's own address. */
  baseUrl?: string;
  host: string;
  isLoopback: boolean;
};

const vendors = {
  openai: { key: "OPENAI_API_KEY", url: "OPENAI_BASE_URL", host: "api.openai.com" },
  anthropic: { key: "ANTHROPIC_API_KEY", url: "ANTHROPIC_BASE_URL", host: "api.anthropic.com" },
} as const;

function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function parseBaseUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new AgentError("invalid_input", `${name} is not a web address: write it like https://host/v1.`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new AgentError("invalid_input", `${name} holds a user name or password: put the key into its own variable.`);
  }
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname)) {
    throw new AgentError("invalid_input", `${name} must use https: the API key would travel unencrypted.`);
  }
  return url;
}

function openaiWire(wire: string | undefined, isVendor: boolean): Wire {
  if (wire === undefined) return isVendor ? "openai.responses" : "openai.chat";
  if (wire === "openai.responses" || wire === "openai.chat") return wire;
  throw new AgentError("invalid_input", "OSSAAT_OPENAI_WIRE must be openai.responses or openai.chat.");
}

function nonEmpty(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === "" ? undefined : trimmed;
}

/**
 * Finds out how a vendor is reached.
 *
 * @throws AgentError invalid_input when the key is missing (but for servers on this machine) or
 * the base URL is no safe address.
 */
export function findConnection(provider: "openai" | "anthropic", env: ProviderEnv): Connection {
  const names = vendors[provider];
  const apiKey = nonEmpty(env[names.key]);
  if (apiKey !== undefined && !/^[\u0021-\u007e]+$/u.test(apiKey)) {
    throw new AgentError("invalid_input", `${names.key} holds a blank or a letter that no API key has.`, {
      details: { next: `export ${names.key}=…  (copy the key again, without line breaks)` },
    });
  }
  const baseUrl = nonEmpty(env[names.url]);
  const url = baseUrl === undefined ? undefined : parseBaseUrl(names.url, baseUrl);
  const isVendor = url === undefined || url.hostname === names.host;
  const isLoopback = url !== undefined && isLoopbackHost(url.hostname);
  if (apiKey === undefined && !isLoopback) {
    throw new AgentError("invalid_input", `The model provider ${provider} needs an API key: ${names.key} is not set.`, {
      details: { next: `export ${names.key}=…  (then run the command again; ossaat status lists what is set)` },
    });
  }
  return {
    provider,
    wire: provider === "anthropic" ? "anthropic.messages" : openaiWire(nonEmpty(env.OSSAAT_OPENAI_WIRE), isVendor),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(isVendor || baseUrl === undefined ? {} : { baseUrl }),
    host: url?.host ?? names.host,
    isLoopback,
  };
}
