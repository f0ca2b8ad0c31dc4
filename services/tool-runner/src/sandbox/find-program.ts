// Finds a program on the runner's own PATH. Never looks into a folder an agent can write.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/** Absolute path of a program, or undefined. Relative PATH entries are ignored. */
export async function findProgram(path: string, name: string): Promise<string | undefined> {
  const folders = [...path.split(delimiter), "/usr/bin", "/bin", "/usr/local/bin"].filter((folder) =>
    isAbsolute(folder),
  );
  for (const folder of folders) {
    const candidate = join(folder, name);
    const usable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return candidate;
  }
  return undefined;
}
