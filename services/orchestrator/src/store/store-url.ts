// The address of the database as a setting: it is shown and stored, so the password stands apart.
import { AgentError } from "@ossaat/contracts";

export type StoreSetting = {
  /** `postgres://user@host:port/database` */
  address: string;
  password?: string | undefined;
  /** File that holds the password. */
  passwordFile?: string | undefined;
  read: (path: string) => string;
};

export type StoreUrl = { url: string; password?: string | undefined };

const next = "put the password into OSSAAT_STORE_PASSWORD, or into a file that OSSAAT_STORE_PASSWORD_FILE names";

function readPassword({ password, passwordFile, read }: StoreSetting): string | undefined {
  if (passwordFile === undefined) return password;
  if (password !== undefined) {
    const message = "Set one of OSSAAT_STORE_PASSWORD and OSSAAT_STORE_PASSWORD_FILE.";
    throw new AgentError("invalid_input", message, { details: { next } });
  }
  try {
    return read(passwordFile).replace(/\r?\n$/u, "");
  } catch (cause) {
    const message = `The password file ${passwordFile} cannot be read.`;
    throw new AgentError("invalid_input", message, { details: { next }, cause });
  }
}

/** The address with its password. @throws AgentError invalid_input; neither is repeated */
export function readStoreUrl(setting: StoreSetting): StoreUrl {
  const { address } = setting;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) throw new AgentError("invalid_input", "OSSAAT_STORE is no address.", { details: { next } });
  if (url.password !== "" || url.searchParams.has("password")) {
    throw new AgentError("invalid_input", "OSSAAT_STORE must hold no password.", { details: { next } });
  }
  const password = readPassword(setting);
  if (password === undefined) return { url: address };
  url.password = encodeURIComponent(password);
  return { url: url.href, password };
}
