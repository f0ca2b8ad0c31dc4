// The settings of mutual TLS, named alike for every process: PREFIX_TLS_CERT, _KEY, _CA, _CALLERS.
import { AgentError } from "../agent-error.ts";
import type { CertificateFiles } from "./certificate-files.ts";

/** Values by the names of their variables. */
export type SettingValues = Readonly<Record<string, string | undefined>>;

/** Files of a process as server, and the names of the callers it lets in. */
export type ServerTlsSettings = { files: CertificateFiles; callers: string[] };

function incomplete(names: readonly string[]): AgentError {
  return new AgentError("invalid_input", `Mutual TLS needs all of its settings; missing: ${names.join(", ")}.`);
}

/** Files named by `PREFIX_TLS_CERT`, `_KEY` and `_CA`, or undefined when none is set. @throws AgentError invalid_input when some are missing */
export function readCertificateSettings(values: SettingValues, prefix: string): CertificateFiles | undefined {
  const names = ["CERT", "KEY", "CA"].map((part) => `${prefix}_TLS_${part}`);
  const missing = names.filter((name) => (values[name] ?? "") === "");
  if (missing.length === names.length) return undefined;
  const [certFile = "", keyFile = "", caFile = ""] = names.map((name) => values[name]);
  if (missing.length > 0) throw incomplete(missing);
  return { certFile, keyFile, caFile };
}

/** The same, and `PREFIX_TLS_CALLERS`: names separated by commas. @throws AgentError invalid_input */
export function readServerTlsSettings(values: SettingValues, prefix: string): ServerTlsSettings | undefined {
  const name = `${prefix}_TLS_CALLERS`;
  const callers = (values[name] ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  const files = readCertificateSettings(values, prefix);
  if (files === undefined && callers.length > 0) throw incomplete([`${prefix}_TLS_CERT`]);
  if (files === undefined) return undefined;
  if (callers.length === 0) throw incomplete([name]);
  return { files, callers };
}
