// The address of the database as a setting: it is shown and stored, so the password stands apart.
import { AgentError } from "@ossaat/contracts";

import { readPassword } from "../password-setting.ts";
import type { PasswordSetting } from "../password-setting.ts";

export type StoreSetting = Omit<PasswordSetting, "name"> & {
  /** `postgres://user@host:port/database` */
  address: string;
};

export type StoreUrl = { url: string; password?: string | undefined };

/** The address with its password. @throws AgentError invalid_input; neither is repeated */
export function readStoreUrl(setting: StoreSetting): StoreUrl {
  const { address } = setting;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) {
    throw new AgentError("invalid_input", "OSSAAT_STORE is no address: it is postgres://user@host:port/database.");
  }
  if (url.password !== "" || url.searchParams.has("password")) {
    const place = "put it into OSSAAT_STORE_PASSWORD, or into a file that OSSAAT_STORE_PASSWORD_FILE names";
    throw new AgentError("invalid_input", `OSSAAT_STORE must hold no password: ${place}.`);
  }
  const password = readPassword({ ...setting, name: "OSSAAT_STORE_PASSWORD" });
  if (password === undefined) return { url: address };
  url.password = encodeURIComponent(password);
  return { url: url.href, password };
}
