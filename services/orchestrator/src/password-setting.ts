// A password as a setting: told by a variable, or by a file that another variable names.
import { AgentError } from "@ossaat/contracts";

export type PasswordSetting = {
  /** Variable that holds the password; the one with `_FILE` behind it names the file. */
  name: string;
  password?: string | undefined;
  /** File that holds the password. */
  passwordFile?: string | undefined;
  read: (path: string) => string;
};

/**
 * The password, without the end of the file's last line; undefined when neither is set.
 * @throws AgentError invalid_input for two passwords, and for a file that cannot be read; none is repeated
 */
export function readPassword({ name, password, passwordFile, read }: PasswordSetting): string | undefined {
  if (passwordFile === undefined) return password;
  if (password !== undefined) throw new AgentError("invalid_input", `Set one of ${name} and ${name}_FILE.`);
  try {
    return read(passwordFile).replace(/\r?\n$/u, "");
  } catch (cause) {
    throw new AgentError("invalid_input", `The password file ${passwordFile} cannot be read.`, { cause });
  }
}
